// Loaded before a node's own libraries, this makes its disk slow: each sync of a file's data takes
// so many microseconds longer as SLOW_DISK_US says.

#include <charconv>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <dlfcn.h>
#include <thread>

extern "C" int fdatasync(int file) {
  using function = int (*)(int);
  static const auto of_the_system = reinterpret_cast<function>(::dlsym(RTLD_NEXT, "fdatasync"));
  static const auto more = [] {
    long us = 0;
    if (const char* given = std::getenv("SLOW_DISK_US"))
      std::from_chars(given, given + std::strlen(given), us);
    return std::chrono::microseconds{us};
  }();
  const int result = of_the_system(file);
  std::this_thread::sleep_for(more);
  return result;
}
