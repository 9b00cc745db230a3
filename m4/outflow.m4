dnl SPDX-License-Identifier: Apache-2.0

dnl OUTFLOW_DEVELOPMENT: --enable-dev turns warnings into errors and crash points on.
AC_DEFUN([OUTFLOW_DEVELOPMENT], [
  AC_ARG_ENABLE([dev],
    [AS_HELP_STRING([--enable-dev], [warnings are errors; crash points for tests])],
    [], [enable_dev=no])
  OUTFLOW_CFLAGS=
  for flag in -Wall -Wextra -Wpedantic -Wshadow -Wstrict-prototypes -Wmissing-prototypes \
      -Wcast-qual -Wpointer-arith -Wvla -Wformat=2 -Wundef; do
    OUTFLOW_TRY_CFLAG([$flag])
  done
  AS_IF([test "$enable_dev" = yes], [
    OUTFLOW_TRY_CFLAG([-Werror])
    AC_DEFINE([OUTFLOW_DEV], [1], [Development build: crash points can fire.])
  ])
  AC_SUBST([OUTFLOW_CFLAGS])
])

dnl OUTFLOW_TRY_CFLAG(FLAG): adds it to OUTFLOW_CFLAGS when the compiler knows it.
AC_DEFUN([OUTFLOW_TRY_CFLAG], [
  AC_MSG_CHECKING([whether $CC accepts $1])
  outflow_saved="$CFLAGS"
  CFLAGS="$CFLAGS -Werror $1"
  AC_COMPILE_IFELSE([AC_LANG_PROGRAM([[#include <stdio.h>]])],
    [AC_MSG_RESULT([yes]); OUTFLOW_CFLAGS="$OUTFLOW_CFLAGS $1"],
    [AC_MSG_RESULT([no])])
  CFLAGS="$outflow_saved"
])

dnl OUTFLOW_SANITIZERS: --enable-asan, --enable-ubsan, --enable-tsan.
AC_DEFUN([OUTFLOW_SANITIZERS], [
  sanitizers=
  AC_ARG_ENABLE([asan], [AS_HELP_STRING([--enable-asan], [build with AddressSanitizer])],
    [AS_IF([test "$enableval" = yes], [sanitizers="$sanitizers address"])])
  AC_ARG_ENABLE([ubsan], [AS_HELP_STRING([--enable-ubsan], [build with UndefinedBehaviorSanitizer])],
    [AS_IF([test "$enableval" = yes], [sanitizers="$sanitizers undefined"])])
  AC_ARG_ENABLE([tsan], [AS_HELP_STRING([--enable-tsan], [build with ThreadSanitizer])],
    [AS_IF([test "$enableval" = yes], [sanitizers="$sanitizers thread"])])
  for sanitizer in $sanitizers; do
    CFLAGS="$CFLAGS -fsanitize=$sanitizer -fno-omit-frame-pointer -fno-optimize-sibling-calls"
    AS_IF([test "$sanitizer" = undefined], [CFLAGS="$CFLAGS -fno-sanitize-recover=undefined"])
  done
  AM_CONDITIONAL([TSAN], [case $sanitizers in *thread*) :;; *) false;; esac])
  dnl A plugin resolves every symbol at link time; sanitizers leave theirs to the program.
  AS_IF([test -z "$sanitizers"], [PLUGIN_NO_UNDEFINED=-Wl,-z,defs], [PLUGIN_NO_UNDEFINED=])
  AC_SUBST([PLUGIN_NO_UNDEFINED])
  OUTFLOW_LDFLAGS=
  AS_IF([test -z "$sanitizers"], [
    OUTFLOW_TRY_CFLAG([-fstack-protector-strong])
    OUTFLOW_TRY_CFLAG([-U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2])
    OUTFLOW_LDFLAGS="-Wl,-z,relro -Wl,-z,now"
  ])
  AC_SUBST([OUTFLOW_LDFLAGS])
])

dnl OUTFLOW_CLIENT_LIBRARIES: what is missing drops its connector, not the build.
AC_DEFUN([OUTFLOW_CLIENT_LIBRARIES], [
  AC_ARG_WITH([kafka], [AS_HELP_STRING([--without-kafka], [leave the Kafka connector out])], [], [with_kafka=check])
  AC_ARG_WITH([mqtt], [AS_HELP_STRING([--without-mqtt], [leave the MQTT connector out])], [], [with_mqtt=check])

  have_kafka=no
  kafka_summary="no (left out)"
  AS_IF([test "$with_kafka" != no], [
    PKG_CHECK_MODULES([RDKAFKA], [rdkafka >= 2.0],
      [have_kafka=yes; kafka_summary=yes],
      [kafka_summary="no (librdkafka 2.0 or newer is missing: librdkafka-dev)"])
  ])
  AM_CONDITIONAL([HAVE_KAFKA], [test "$have_kafka" = yes])

  have_mqtt=no
  mqtt_summary="no (left out)"
  dnl By its file name: the linker would take the shared library that lies beside it.
  PAHO_LIBS=-l:libpaho-mqtt3as.a
  AC_SUBST([PAHO_LIBS])
  AS_IF([test "$with_mqtt" != no], [
    mqtt_summary=yes
    AC_CHECK_HEADER([MQTTAsync.h], [], [mqtt_summary="no (MQTTAsync.h is missing: libpaho-mqtt-dev)"])
    PKG_CHECK_MODULES([OPENSSL], [openssl], [], [mqtt_summary="no (OpenSSL is missing: libssl-dev)"])
  ])
  AS_IF([test "$mqtt_summary" = yes], [
    AC_MSG_CHECKING([for the static library of Paho])
    outflow_saved="$LIBS"
    LIBS="$PAHO_LIBS $OPENSSL_LIBS -lpthread $LIBS"
    AC_LINK_IFELSE([AC_LANG_PROGRAM([[#include <MQTTAsync.h>]],
                                    [[return MQTTAsync_connect(0, 0);]])],
      [AC_MSG_RESULT([yes]); have_mqtt=yes],
      [AC_MSG_RESULT([no]); mqtt_summary="no (libpaho-mqtt3as.a is missing: libpaho-mqtt-dev)"])
    LIBS="$outflow_saved"
  ])
  AM_CONDITIONAL([HAVE_MQTT], [test "$have_mqtt" = yes])

  AC_ARG_WITH([sqlite], [AS_HELP_STRING([--without-sqlite], [no SQLite tables in the transform enrich])],
    [], [with_sqlite=check])
  have_sqlite=no
  sqlite_summary="no (left out)"
  AS_IF([test "$with_sqlite" != no], [
    PKG_CHECK_MODULES([SQLITE], [sqlite3 >= 3.31],
      [have_sqlite=yes; sqlite_summary=yes
       AC_DEFINE([HAVE_SQLITE], [1], [The transform enrich can read SQLite databases.])],
      [sqlite_summary="no (SQLite 3.31 or newer is missing: libsqlite3-dev)"])
  ])
  AM_CONDITIONAL([HAVE_SQLITE], [test "$have_sqlite" = yes])

  AC_ARG_WITH([curl], [AS_HELP_STRING([--without-curl], [leave the transform function out])], [], [with_curl=check])
  have_curl=no
  curl_summary="no (left out)"
  AS_IF([test "$with_curl" != no], [
    PKG_CHECK_MODULES([CURL], [libcurl >= 7.68],
      [have_curl=yes; curl_summary=yes
       AC_DEFINE([HAVE_CURL], [1], [libcurl's headers are there.])],
      [curl_summary="no (libcurl 7.68 or newer is missing: libcurl4-openssl-dev)"])
  ])
  AM_CONDITIONAL([HAVE_CURL], [test "$have_curl" = yes])
])
