#pragma once

// What is run: a seed, and what is made different from what it says.

#include "sim/chronicle.hpp"
#include "sim/faults.hpp"

#include <cstdint>
#include <optional>

namespace starling::simulation {

struct run_options {
  std::uint64_t seed = 1;
  std::optional<std::size_t> nodes; // drawn if not given
  fault_mask without;
  chronicle::telling telling = chronicle::telling::nothing;
};

} // namespace starling::simulation
