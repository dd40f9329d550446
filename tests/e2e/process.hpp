#pragma once

// A child process of a test. It dies with the test, whatever becomes of that, and what it wrote is
// kept and shown if the test fails. Start processes from the main thread only: they die with the
// thread that started them.

#include <chrono>
#include <cstdio>
#include <memory>
#include <optional>
#include <string>
#include <sys/types.h>
#include <vector>

namespace starling::e2e {

class process {
public:
  /// Runs `command`, whose first part is the program, found through the PATH if it is a bare name.
  explicit process(const std::vector<std::string>& command);

  process(const process&) = delete;
  process& operator=(const process&) = delete;
  ~process();

  /// Sends a signal, if the process still runs.
  void signal(int number);

  bool is_running() { return !wait(std::chrono::milliseconds{0}); }

  /// The exit status as a shell tells it, 128 + N after signal N; nothing if it runs for longer.
  std::optional<int> wait(std::chrono::milliseconds deadline);

  /// What it is known by to the system while it runs.
  pid_t id() const { return id_; }

  /// What it wrote so far, standard output and standard error alike.
  std::string output() const;

private:
  std::string name_;
  std::unique_ptr<std::FILE, int (*)(std::FILE*)> output_;
  pid_t id_ = -1;
  std::optional<int> status_;
};

/// How a command ended, and what it wrote.
struct outcome {
  std::optional<int> status; // nothing if it had to be killed
  std::string output;
};

/// Runs a command to its end, for half a minute at most.
outcome run(const std::vector<std::string>& command);

/// The same with a line as a shell reads it.
outcome run_in_shell(const std::string& line);

} // namespace starling::e2e
