#include "membership/pending_calls.hpp"

#include <algorithm>
#include <utility>

namespace starling::membership {

std::uint64_t pending_calls::begin(pending_call c) {
  const auto token = next_token_++;
  calls_.emplace(token, std::move(c));
  return token;
}

std::optional<pending_call> pending_calls::end(std::uint64_t token) {
  const auto found = calls_.find(token);
  if (found == calls_.end())
    return std::nullopt;
  auto result = std::move(found->second);
  calls_.erase(found);
  return result;
}

bool pending_calls::is_synced_with(const std::string& address) const {
  return std::ranges::any_of(calls_, [&](const auto& one) {
    return one.second.kind == call_kind::sync && one.second.address == address;
  });
}

std::size_t pending_calls::syncs() const {
  return static_cast<std::size_t>(std::ranges::count_if(calls_, [](const auto& one) {
    return one.second.kind == call_kind::sync && !one.second.seed;
  }));
}

bool pending_calls::is_pinged(const node_id& peer) const {
  return std::ranges::any_of(calls_, [&](const auto& one) {
    return one.second.kind == call_kind::ping && one.second.peer == peer;
  });
}

std::size_t pending_calls::pings() const {
  return static_cast<std::size_t>(std::ranges::count_if(
      calls_, [](const auto& one) { return one.second.kind == call_kind::ping; }));
}

} // namespace starling::membership
