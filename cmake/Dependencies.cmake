# Libraries that everything needs, each from the distribution (see tools/set_up for the packages). Libraries of one backend are sought in its own folder.
find_package(fmt REQUIRED)
find_package(CLI11 REQUIRED)
find_package(nlohmann_json REQUIRED)
find_package(benchmark REQUIRED)
find_package(Threads REQUIRED)
find_package(OpenMP REQUIRED COMPONENTS CXX)  # one pool for our kernels and the vendor's
find_package(PkgConfig REQUIRED)

pkg_check_modules(xxhash REQUIRED IMPORTED_TARGET libxxhash)
add_library(convroof_xxhash INTERFACE)
target_link_libraries(convroof_xxhash INTERFACE PkgConfig::xxhash)

find_path(CONVROOF_TOMLPLUSPLUS_INCLUDE toml++/toml.h REQUIRED)
add_library(convroof_tomlplusplus INTERFACE)
target_include_directories(convroof_tomlplusplus SYSTEM INTERFACE ${CONVROOF_TOMLPLUSPLUS_INCLUDE})
target_compile_definitions(convroof_tomlplusplus INTERFACE TOML_EXCEPTIONS=1 TOML_HEADER_ONLY=1)

include(Highway)
