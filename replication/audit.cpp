#include "replication/audit.hpp"

#include <algorithm>
#include <bit>

namespace starling::replication {

namespace {

constexpr std::size_t parts = std::size_t{1} << audit_levels;

// Then three quarters of the parts are free of them, about.
constexpr std::size_t entries_in_a_slice = parts / 4;

} // namespace

std::vector<std::uint64_t> audit_sums(const joint_tree& mine, const range& slice) {
  std::vector<std::uint64_t> result;
  result.reserve(parts);
  for (std::uint64_t part = 0; part < parts; ++part)
    result.push_back(
        mine.of({slice.depth + audit_levels, slice.prefix << audit_levels | part}).sum.low);
  return result;
}

range audit::next(std::size_t on_their_way) {
  const auto slices = std::bit_ceil(on_their_way / entries_in_a_slice + 1);
  const auto depth = std::min(static_cast<unsigned>(std::countr_zero(slices)), audit_depth_max);
  const bool is_twice_seen = apart_.empty();
  if (is_twice_seen && depth != slice_.depth) {
    // Where it stood, in ranges of the new size.
    slice_.prefix = depth > slice_.depth ? slice_.prefix << (depth - slice_.depth)
                                         : slice_.prefix >> (slice_.depth - depth);
    slice_.depth = depth;
  }
  return slice_;
}

audit::finding audit::answered(const joint_tree& mine, const std::vector<std::uint64_t>& theirs) {
  if (theirs.size() != parts)
    return {};
  auto apart = audit_sums(mine, slice_);
  for (std::size_t i = 0; i < parts; ++i)
    apart[i] -= theirs[i];
  if (apart_.empty()) {
    apart_ = std::move(apart);
    return {};
  }
  finding result{slice_.depth + audit_levels, {}};
  for (std::size_t i = 0; i < parts; ++i)
    if (apart[i] != 0 && apart[i] == apart_[i])
      result.ranges.push_back({slice_.prefix << audit_levels | i, theirs[i]});
  apart_.clear();
  slice_.prefix = (slice_.prefix + 1) & ((std::uint64_t{1} << slice_.depth) - 1);
  return result;
}

} // namespace starling::replication
