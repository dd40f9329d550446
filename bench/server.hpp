#pragma once

// Nodes as measurements run them: real processes of starlingd on loopback, with folders of their
// own below the temporary folder.

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <string>
#include <sys/types.h>
#include <vector>

namespace starling::bench {

/// A new folder, removed with all that is in it when this goes.
class scratch_folder {
public:
  scratch_folder();
  ~scratch_folder();
  scratch_folder(const scratch_folder&) = delete;
  scratch_folder& operator=(const scratch_folder&) = delete;

  std::filesystem::path operator/(const std::string& name) const { return path_ / name; }
  const std::filesystem::path& path() const { return path_; }

private:
  std::filesystem::path path_;
};

/// What the files below a folder hold, in bytes.
std::uint64_t bytes_below(const std::filesystem::path& folder);

/// One node, which may be started many times and keeps its ports. It ends with this.
class server {
public:
  /// Starts nothing yet.
  explicit server(std::vector<std::string> flags);
  ~server();
  server(const server&) = delete;
  server& operator=(const server&) = delete;

  void add_flag(std::string flag) { flags_.push_back(std::move(flag)); }

  /// Something in its environment, NAME=VALUE.
  void add_variable(std::string variable) { environment_.push_back(std::move(variable)); }

  /// Starts the process, and no more. Requires: none runs.
  void launch();

  /// Starts it, and returns when it serves.
  void start();

  /// Ends it as a crash would.
  void crash();

  /// Ends it in order.
  void stop();

  std::uint16_t http_port() const { return http_port_; }
  std::uint16_t peer_port() const { return peer_port_; }

  /// The memory that the process holds, in bytes.
  std::uint64_t resident_bytes() const;

  /// The time that processors worked for it, all threads together.
  double processor_seconds() const;

  /// A sample of that name in its GET /metrics, the sum if there are several.
  double metric(const std::string& name) const;

private:
  void end(int signal);

  std::vector<std::string> flags_;
  std::vector<std::string> environment_;
  std::uint16_t http_port_;
  std::uint16_t peer_port_;
  pid_t process_ = -1;
};

} // namespace starling::bench
