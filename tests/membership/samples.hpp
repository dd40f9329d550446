#pragma once

// Members for tests: one that is complete, and random ones from so small a space that any two have
// much in common.

#include "membership/member.hpp"
#include "membership/random.hpp"

#include <algorithm>
#include <array>
#include <string>

namespace starling::membership {

/// An id that is easy to tell in a failure.
inline node_id numbered(std::uint64_t number) {
  return node_id::from(0, number);
}

inline profile sample_profile(const incarnation& written = {1'700'000'000'000, 0}) {
  return {written,  {0xfedcba9876543210}, udp_address::v4(10, 0, 0, 1, 9080), "node-0:9080",
          "node-0", "example.org:8080"};
}

inline member sample_member() {
  return {node_id::from(1, 2), {{1'700'000'000'000, 0}, member_state::alive, {}}, sample_profile()};
}

inline incarnation random_incarnation(random_source& random) {
  const auto generation = 1 + random.below(2);
  return {generation, static_cast<std::uint32_t>(random.below(3))};
}

inline accuser_set random_accusers(random_source& random) {
  accuser_set result;
  for (auto left = random.below(accuser_set::capacity + 4); left > 0; --left)
    result.insert(numbered(random.below(2 * accuser_set::capacity)));
  return result;
}

inline status random_status(random_source& random) {
  constexpr std::array states{member_state::alive, member_state::suspect, member_state::dead,
                              member_state::left};
  status s{random_incarnation(random), states[random.below(4)], {}};
  s.beyond = static_cast<std::uint8_t>(random.chance(0.8) ? 0 : random.below(3));
  if (s.is == member_state::suspect)
    s.accusers = random_accusers(random);
  return s;
}

/// Written at `last` or before.
inline profile random_profile(random_source& random, const incarnation& last) {
  auto p = sample_profile(std::min(last, random_incarnation(random)));
  p.session.bits = random.below(2);
  p.udp.port = static_cast<std::uint16_t>(9080 + random.below(2));
  p.name = random.chance(0.5) ? "a" : "b";
  if (random.chance(0.2)) {
    p.abilities.speaks.newest = static_cast<std::uint8_t>(5 + random.below(2));
    p.abilities.values = {{1, 1}, {3, static_cast<std::uint8_t>(1 + random.below(2))}};
    p.abilities.others = {{7, random.chance(0.5) ? "x" : ""}};
  }
  return p;
}

/// Of one of `ids` nodes.
inline member random_member(random_source& random, std::size_t ids = 1) {
  member m{numbered(random.below(ids)), random_status(random), std::nullopt};
  if (random.chance(0.7))
    m.profile = random_profile(random, m.status.at);
  return m;
}

template <class T>
std::string encoded(const T& x) {
  wire::writer out;
  encode(out, x);
  return std::move(out).take();
}

} // namespace starling::membership
