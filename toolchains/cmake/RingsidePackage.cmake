# `./dev package`: a small .deb for the boxes and one for the centre, neither of which needs the other. Libraries are
# depended on as the linker found them.
set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME ringside)
set(CPACK_PACKAGE_VENDOR "Ringside")
set(CPACK_PACKAGE_CONTACT "Ringside maintainers")
set(CPACK_PACKAGE_DIRECTORY "${CMAKE_BINARY_DIR}/package")
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_STRIP_FILES ON)
set(CPACK_COMPONENTS_ALL agent collector)
set(CPACK_DEB_COMPONENT_INSTALL ON)
set(CPACK_DEBIAN_PACKAGE_SECTION comm)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_RECOMMENDS systemd)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)

set(CPACK_DEBIAN_AGENT_PACKAGE_NAME ringside-agent)
set(CPACK_COMPONENT_AGENT_DESCRIPTION "Call-centre telemetry from the telephony box: agent and command line
Follows Asterisk's queue_log and listens to its manager interface, keeps
queue key figures in an LMDB ledger, shows what happens now (ringside
watch), and sends summaries to a collector. No database server, no upkeep.")
set(CPACK_DEBIAN_AGENT_PACKAGE_CONTROL_EXTRA
  "${CMAKE_SOURCE_DIR}/platform/systemd/debian/postinst;${CMAKE_SOURCE_DIR}/platform/systemd/debian/prerm")

set(CPACK_DEBIAN_COLLECTOR_PACKAGE_NAME ringside-collector)
# the authorities that receivers of alerts are checked against
set(CPACK_DEBIAN_COLLECTOR_PACKAGE_RECOMMENDS "systemd, ca-certificates")
set(CPACK_COMPONENT_COLLECTOR_DESCRIPTION "Call-centre telemetry of all branches in one place: the collector
Takes the summaries of ringside-agent over mutually authenticated TLS, adds
them up by hour and day, and answers for one site, a group or all of them:
on a dashboard, over HTTP, to Prometheus, and by alerts.
Has its own small CA; no database server.")
set(CPACK_DEBIAN_COLLECTOR_PACKAGE_CONTROL_EXTRA
  "${CMAKE_SOURCE_DIR}/platform/systemd/debian/collector/postinst;${CMAKE_SOURCE_DIR}/platform/systemd/debian/collector/prerm")
include(CPack)
