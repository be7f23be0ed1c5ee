# Run at every build: writes OUTPUT from TEMPLATE, and only when something changed, so that nothing is compiled again without need.
find_package(Git QUIET)
set(CONVROOF_COMMIT "unknown")
if(GIT_FOUND)
  execute_process(COMMAND ${GIT_EXECUTABLE} describe --always --abbrev=40 --dirty --exclude=* WORKING_DIRECTORY ${SOURCE} OUTPUT_VARIABLE described
                  OUTPUT_STRIP_TRAILING_WHITESPACE RESULT_VARIABLE failed ERROR_QUIET)
  if(NOT failed AND described)
    set(CONVROOF_COMMIT "${described}")
  endif()
endif()
string(REPLACE "\\" "\\\\" CONVROOF_FLAGS "${CONVROOF_FLAGS}")
string(REPLACE "\"" "\\\"" CONVROOF_FLAGS "${CONVROOF_FLAGS}")
configure_file(${TEMPLATE} ${OUTPUT} @ONLY)
