# `./dev package`: one small .deb for the boxes. Libraries are depended on as the linker found them.
set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME ringside-agent)
set(CPACK_PACKAGE_VENDOR "Ringside")
set(CPACK_PACKAGE_CONTACT "Ringside maintainers")
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "Call-centre telemetry from the telephony box: agent and command line")
set(CPACK_PACKAGE_DESCRIPTION "Follows Asterisk's queue_log, keeps queue key figures in an LMDB ledger,
 answers status queries over CoAP on loopback. No database server, no upkeep.")
set(CPACK_PACKAGE_DIRECTORY "${CMAKE_BINARY_DIR}/package")
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_STRIP_FILES ON)
set(CPACK_DEBIAN_PACKAGE_SECTION comm)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_RECOMMENDS systemd)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)
set(CPACK_DEBIAN_PACKAGE_CONTROL_EXTRA
  "${CMAKE_SOURCE_DIR}/platform/systemd/debian/postinst;${CMAKE_SOURCE_DIR}/platform/systemd/debian/prerm")
include(CPack)
