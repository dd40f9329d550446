#pragma once

// The command line that all simulators have.

#include "sim/run_options.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace starling::simulation {

struct command_line {
  std::uint64_t from = 1;
  std::uint64_t seeds = 100;
  std::optional<std::size_t> nodes;
  fault_mask without;
  bool trace = false;
  bool shrink = false;
  bool until_failure = false;
  bool list = false;
};

/// How to call the simulator of that name.
std::string usage(std::string_view simulator);

/// Nothing if it cannot be read.
std::optional<command_line> read_command_line(const std::vector<std::string>& words);

/// "loss,burst".
std::string names_of(const fault_mask& kinds);

} // namespace starling::simulation
