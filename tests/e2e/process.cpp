#include "tests/e2e/process.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <csignal>
#include <iostream>
#include <stdexcept>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

namespace starling::e2e {

namespace {

/// In the child: becomes the program. Only calls that are safe after a fork among threads.
[[noreturn]] void become(char* const* arguments, int output, pid_t parent) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != parent)
    _exit(127);
  dup2(output, STDOUT_FILENO);
  dup2(output, STDERR_FILENO);
  execvp(arguments[0], arguments);
  _exit(127);
}

std::string last_lines(const std::string& text, int count) {
  auto begin = text.size();
  for (; count >= 0 && begin != std::string::npos && begin > 0; --count)
    begin = text.rfind('\n', begin - 1);
  return begin == std::string::npos || begin == 0 ? text : text.substr(begin + 1);
}

} // namespace

process::process(const std::vector<std::string>& command)
    : name_(command.at(0)), output_(std::tmpfile(), &std::fclose) {
  if (!output_)
    throw std::runtime_error{"there is no place for the output of " + name_};
  auto copy = command;
  std::vector<char*> arguments;
  for (auto& argument : copy)
    arguments.push_back(argument.data());
  arguments.push_back(nullptr);

  const auto parent = getpid();
  id_ = fork();
  if (id_ == 0)
    become(arguments.data(), fileno(output_.get()), parent);
  if (id_ < 0)
    throw std::runtime_error{"cannot start " + name_};
}

process::~process() {
  signal(SIGKILL);
  wait(std::chrono::seconds{10});
  if (testing::Test::HasFailure() && !output().empty())
    std::cerr << "--- the last that " << name_ << " (" << id_ << ", status " << status_.value_or(-1)
              << ") wrote:\n"
              << last_lines(output(), 40) << "---\n";
}

void process::signal(int number) {
  if (!status_)
    kill(id_, number);
}

std::optional<int> process::wait(std::chrono::milliseconds deadline) {
  const auto end = std::chrono::steady_clock::now() + deadline;
  while (!status_) {
    int how = 0;
    if (waitpid(id_, &how, WNOHANG) == id_)
      status_ = WIFEXITED(how) ? WEXITSTATUS(how) : 128 + WTERMSIG(how);
    else if (std::chrono::steady_clock::now() >= end)
      break;
    else
      std::this_thread::sleep_for(std::chrono::milliseconds{2});
  }
  return status_;
}

std::string process::output() const {
  std::string text;
  char buffer[4096];
  ssize_t size = 0;
  // pread leaves alone the position, which the child writes at.
  while ((size = pread(fileno(output_.get()), buffer, sizeof buffer,
                       static_cast<off_t>(text.size()))) > 0)
    text.append(buffer, static_cast<std::size_t>(size));
  return text;
}

outcome run(const std::vector<std::string>& command) {
  process child{command};
  const auto status = child.wait(std::chrono::seconds{30});
  return {status, child.output()};
}

outcome run_in_shell(const std::string& line) {
  return run({"sh", "-c", line});
}

} // namespace starling::e2e
