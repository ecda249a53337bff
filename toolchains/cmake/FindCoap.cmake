# Coap::Coap: a libcoap-3 with the mbedTLS backend. RINGSIDE_COAP_PREFIX (set by platform/setup, default
# $XDG_CACHE_HOME/ringside/libcoap or ~/.cache/ringside/libcoap) is looked in first, then the system. When cross
# compiling, the directory's name ends in the target's triplet.
if(DEFINED ENV{XDG_CACHE_HOME} AND NOT "$ENV{XDG_CACHE_HOME}" STREQUAL "")
  set(_coap_cache "$ENV{XDG_CACHE_HOME}")
else()
  set(_coap_cache "$ENV{HOME}/.cache")
endif()
set(_coap_suffix "")
if(CMAKE_CROSSCOMPILING)
  set(_coap_suffix "-${CMAKE_LIBRARY_ARCHITECTURE}")
endif()
set(RINGSIDE_COAP_PREFIX "${_coap_cache}/ringside/libcoap${_coap_suffix}" CACHE PATH "Prefix of a libcoap built with mbedTLS")
find_path(COAP_INCLUDE_DIR coap3/coap.h HINTS "${RINGSIDE_COAP_PREFIX}/include")
find_library(COAP_LIBRARY NAMES coap-3-mbedtls libcoap-3-mbedtls.a HINTS "${RINGSIDE_COAP_PREFIX}/lib")
include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(Coap REQUIRED_VARS COAP_LIBRARY COAP_INCLUDE_DIR
  REASON_FAILURE_MESSAGE "run platform/setup, which builds it with the mbedTLS backend")
if(Coap_FOUND AND NOT TARGET Coap::Coap)
  add_library(Coap::Coap UNKNOWN IMPORTED)
  set_target_properties(Coap::Coap PROPERTIES
    IMPORTED_LOCATION "${COAP_LIBRARY}" INTERFACE_INCLUDE_DIRECTORIES "${COAP_INCLUDE_DIR}"
    INTERFACE_LINK_LIBRARIES MbedTLS::tls)
endif()
mark_as_advanced(COAP_INCLUDE_DIR COAP_LIBRARY)
