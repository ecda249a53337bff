# NcursesW::NcursesW: ncurses with wide characters, and the library of terminal types where that is one of its own.
find_package(PkgConfig REQUIRED)
pkg_check_modules(NCURSESW IMPORTED_TARGET ncursesw)
include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(NcursesW REQUIRED_VARS NCURSESW_LINK_LIBRARIES VERSION_VAR NCURSESW_VERSION)
if(NcursesW_FOUND AND NOT TARGET NcursesW::NcursesW)
  add_library(NcursesW::NcursesW INTERFACE IMPORTED)
  target_link_libraries(NcursesW::NcursesW INTERFACE PkgConfig::NCURSESW)
endif()
