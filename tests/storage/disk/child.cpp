#include "tests/storage/disk/child.hpp"

#include <cstdlib>
#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

namespace starling::storage {

namespace {
constexpr const char* variable = "STARLING_CHILD_ARGUMENT";
}

pid_t start_child(const std::string& test, const std::string& argument, int output) {
  const auto filter = "--gtest_filter=" + test;
  const auto child = ::fork();
  if (child != 0)
    return child;
  if (output >= 0) {
    ::dup2(output, told_through);
    ::fcntl(told_through, F_SETFD, 0); // they may have been one
  }
  ::setenv(variable, argument.c_str(), 1);
  // The results of the parent are not for the child to write.
  ::unsetenv("GTEST_OUTPUT");
  ::execl("/proc/self/exe", "test_storage", "--gtest_also_run_disabled_tests", "--gtest_brief=1",
          filter.c_str(), nullptr);
  ::_exit(127);
}

std::string child_argument() {
  const auto* value = std::getenv(variable);
  return value ? value : "";
}

int status_of(pid_t child) {
  int status = 0;
  if (::waitpid(child, &status, 0) != child)
    return -1;
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

} // namespace starling::storage
