#pragma once

// Finding what gossip will not mend: a lost or damaged part of a state, whatever lost it.
//
// While there are writes, two nodes always differ in what is on its way between them, and their
// roots say nothing. So an asking node compares the sums of 256 ranges, twice, at some distance in
// time. What is on its way has moved on by then. A range whose two sums differ by the same amount
// both times holds an entry that differs and stays so; that is walked over
// (replication/repair.hpp).
//
// The ranges are parts of a slice: of everything where little is on its way, and of the smaller a
// slice the more there is, so that most ranges are free of it. The slices take turns.

#include "replication/repair.hpp"

#include <cstdint>
#include <optional>
#include <vector>

namespace starling::replication {

/// A slice has so many bits at most; its ranges have eight more.
inline constexpr unsigned audit_levels = 8;
inline constexpr unsigned audit_depth_max = 16;

/// The lowest 64 bits of the sums of the parts of a slice.
std::vector<std::uint64_t> audit_sums(const joint_tree& mine, const range& slice);

/// The asking side, towards one peer.
class audit {
public:
  /// The slice to be asked about; `on_their_way`: entries that the two nodes may differ in for now.
  range next(std::size_t on_their_way);

  struct finding {
    unsigned depth = 0;
    std::vector<repair_walk::difference> ranges; // that differ and stay so
  };

  /// Takes the answer about that slice.
  finding answered(const joint_tree& mine, const std::vector<std::uint64_t>& theirs);

private:
  range slice_;
  std::vector<std::uint64_t> apart_; // by how much each part differed; empty before the first look
};

} // namespace starling::replication
