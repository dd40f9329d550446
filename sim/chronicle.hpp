#pragma once

// What happened in a run: a hash of it all, the last lines of it as text, and the first invariant
// that did not hold.

#include "sim/timeline.hpp"

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace starling::simulation {

struct breach {
  duration at{0};
  std::string invariant; // "S2" and so on
  std::string node;
  std::string what;
};

class chronicle {
public:
  enum class telling : std::uint8_t { nothing, last_lines, everything };

  chronicle(const timeline& time, telling how) : time_(time), how_(how) {}

  /// Adds what happened to the hash.
  void note(std::uint64_t what, std::uint64_t who, std::string_view bytes = {});

  /// Whether lines are wanted: they cost more than all the rest.
  bool listens() const { return how_ != telling::nothing; }

  /// Requires: listens().
  void tell(std::string line);

  /// An invariant does not hold; the first one counts.
  void complain(std::string invariant, std::string node, std::string what);

  /// An invariant was put to the test: what never is does not hold, it is only not seen to fail.
  void weigh(std::string_view invariant) { ++weighed_[invariant]; }
  const std::map<std::string_view, std::uint64_t>& weighed() const { return weighed_; }

  std::uint64_t hash() const { return hash_; }
  const std::optional<breach>& first() const { return first_; }
  const std::deque<std::string>& last_lines() const { return lines_; }

private:
  const timeline& time_;
  telling how_;
  std::uint64_t hash_ = 0;
  std::map<std::string_view, std::uint64_t> weighed_;
  std::deque<std::string> lines_;
  std::optional<breach> first_;
};

/// Seconds with microseconds: "12.345678".
std::string to_text(duration d);

} // namespace starling::simulation
