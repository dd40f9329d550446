#pragma once

// What the system says of this process, as Prometheus' client libraries report it.

#include <chrono>
#include <cstdint>
#include <optional>
#include <string_view>

namespace starling::system {

struct process_stats {
  double cpu_seconds = 0; // in user and system mode
  std::int64_t virtual_bytes = 0;
  std::int64_t resident_bytes = 0;
  double started = 0; // in seconds since 1970
  std::int64_t open_files = 0;
  double open_files_max = 0; // may be infinite
};

/// In which units the system counts.
struct system_units {
  double ticks_per_second = 100;
  std::int64_t page_bytes = 4096;
};

/// The figures of `/proc/PID/stat`, and when the system was started by `/proc/stat`; nothing if one
/// of them is not what Linux writes.
std::optional<process_stats> parse_process_stats(std::string_view stat, std::string_view system,
                                                 const system_units& units);

/// Those of this process; nothing where there is no /proc.
std::optional<process_stats> read_process_stats();

} // namespace starling::system
