# Warnings and hardening in every build (OpenSSF, "Compiler Options Hardening Guide for C and C++"). Flags that
# Debian 12's gcc does not know are left out by the probe. Asserts stay alive: no build defines NDEBUG.
include(CheckCCompilerFlag)
add_library(holdfast_flags INTERFACE)
option(HOLDFAST_WERROR "Warnings are errors" ON)
set(HOLDFAST_SANITIZE "" CACHE STRING "address;undefined, thread or empty")
string(REPLACE "-DNDEBUG" "" CMAKE_C_FLAGS_RELEASE "${CMAKE_C_FLAGS_RELEASE}")
string(REPLACE "-DNDEBUG" "" CMAKE_C_FLAGS_RELWITHDEBINFO "${CMAKE_C_FLAGS_RELWITHDEBINFO}")

target_compile_options(holdfast_flags INTERFACE -Wall -Wextra -Wformat=2 -Wshadow -Wpointer-arith
    -Wstrict-prototypes -Wmissing-prototypes -Wimplicit-fallthrough -Wvla -fno-strict-aliasing -g)
if(HOLDFAST_WERROR)
    target_compile_options(holdfast_flags INTERFACE -Werror)
endif()

if(HOLDFAST_SANITIZE)
    string(REPLACE ";" "," sanitizers "${HOLDFAST_SANITIZE}")
    add_compile_options(-fsanitize=${sanitizers} -fno-omit-frame-pointer -fno-sanitize-recover=all)
    add_link_options(-fsanitize=${sanitizers})
else()
    foreach(flag -fstack-protector-strong -fstack-clash-protection -fcf-protection=full
            -ftrivial-auto-var-init=zero -fstrict-flex-arrays=3)
        string(MAKE_C_IDENTIFIER "has${flag}" known)
        check_c_compiler_flag(${flag} ${known})
        if(${known})
            target_compile_options(holdfast_flags INTERFACE ${flag})
        endif()
    endforeach()
    target_compile_options(holdfast_flags INTERFACE
        $<$<NOT:$<CONFIG:Debug>>:-U_FORTIFY_SOURCE$<SEMICOLON>-D_FORTIFY_SOURCE=2>)
    target_link_options(holdfast_flags INTERFACE -pie -Wl,-z,relro,-z,now,-z,noexecstack)
endif()
