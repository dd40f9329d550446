#include "system/standard_streams.hpp"

#include <cerrno>
#include <charconv>
#include <fcntl.h>
#include <filesystem>
#include <string>
#include <unistd.h>

namespace starling::system {

void fill_standard_streams() {
  for (const int number : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
    if (::fcntl(number, F_GETFD) != -1 || errno != EBADF)
      continue;
    // An open gets the lowest free number, which is this one. Where there is no /dev/null, a
    // descriptor that can neither be read nor written keeps the number.
    if (::open("/dev/null", O_RDWR) < 0)
      ::open("/", O_PATH);
  }
}

void close_others_on_exec() {
  std::error_code error;
  std::filesystem::directory_iterator entry{"/proc/self/fd", error};
  for (; !error && entry != std::filesystem::directory_iterator{}; entry.increment(error)) {
    const auto name = entry->path().filename().string();
    int number = 0;
    std::from_chars(name.data(), name.data() + name.size(), number);
    if (number > STDERR_FILENO)
      ::fcntl(number, F_SETFD, FD_CLOEXEC);
  }
}

} // namespace starling::system
