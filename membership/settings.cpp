#include "membership/settings.hpp"

#include "membership/probes.hpp"

#include <algorithm>
#include <cmath>

namespace starling::membership {

namespace {

duration scaled(duration d, double factor) {
  return duration{static_cast<duration::rep>(static_cast<double>(d.count()) * factor)};
}

} // namespace

std::optional<std::string> complaint_about(const settings& s) {
  using namespace std::chrono_literals;
  if (s.probe_timeout_min <= 0ms || s.probe_timeout_min > s.probe_timeout_first ||
      s.probe_timeout_first > s.probe_timeout_max)
    return "the timeouts of a probe must be positive, and the first between the least and the "
           "greatest";
  if (s.nack_margin <= 0ms)
    return "a nack must have time for its way";
  // A ping-req leaves at the end of the direct probe; its helper waits for the target and answers
  // a margin before the interval ends.
  if (s.probe_interval < 2 * (s.probe_timeout_max + s.nack_margin))
    return "the probe interval must be at least twice the greatest timeout of a probe and the "
           "margin of a nack, or helpers cannot answer in time";
  if (s.suspicion_multiplier == 0 || s.suspicion_max_multiplier == 0)
    return "the suspicion multipliers must be positive";
  if (s.health_max < 1 || s.health_max > 255)
    return "the worst health must be 1 to 255";
  if (s.stall_tolerance <= 0ms)
    return "a stall must take time";
  if (s.silent_intervals == 0 || s.settled_intervals == 0)
    return "nobody is silent, and nothing settled, before an interval is over";
  if (s.gossip_fanout == 0 || s.gossip_fanout > 16)
    return "gossip must go to 1 to 16 members at a time";
  if (s.indirect_probes > probe::helpers_max)
    return "no more than 8 members can be asked to try";
  if (s.confirmations >= accuser_set::capacity)
    return "no more than 7 confirmations can be told apart";
  if (s.gossip_interval <= 0ms || s.sync_interval <= 0ms || s.dead_probe_interval <= 0ms ||
      s.seed_interval <= 0ms || s.seed_backoff_min <= 0ms || s.notice_interval <= 0ms ||
      s.leave_interval <= 0ms)
    return "intervals must be positive";
  if (s.seed_backoff_min > s.seed_backoff_max)
    return "the least wait for a seed is above the greatest";
  if (s.contest_wait_min <= 0ms || s.contest_wait_min > s.contest_wait_max)
    return "the least wait before a contradiction must be positive, and not above the greatest";
  if (s.clock_tolerance <= 0ms)
    return "no two clocks agree";
  if (s.packet_bytes < 1200 || s.packet_bytes > 1400)
    return "packets must have 1200 to 1400 bytes";
  if (s.max_members < 1 || s.max_members > members_max)
    return "there must be room for 1 to 4096 members";
  if (s.max_dead > members_max)
    return "no more than 4096 dead members can be remembered";
  return std::nullopt;
}

std::size_t confirmations_wanted(const settings& s, std::size_t members) {
  return std::min(s.confirmations, members > 2 ? members - 2 : 0);
}

duration suspicion_timeout(const settings& s, std::size_t members, std::size_t accusers) {
  const auto n = static_cast<double>(std::max<std::size_t>(members, 1));
  const auto shortest =
      scaled(s.probe_interval, s.suspicion_multiplier * std::max(1.0, std::log10(n)));
  const auto wanted = confirmations_wanted(s, members);
  if (wanted == 0)
    return shortest;
  const auto longest = shortest * s.suspicion_max_multiplier;
  const auto confirmed = std::min(accusers > 0 ? accusers - 1 : 0, wanted);
  const auto share =
      std::log(static_cast<double>(confirmed) + 1.0) / std::log(static_cast<double>(wanted) + 1.0);
  return std::max(shortest, longest - scaled(longest - shortest, share));
}

std::size_t sends_of_an_update(const settings& s, std::size_t members) {
  const auto n = static_cast<double>(std::max<std::size_t>(members, 2));
  return static_cast<std::size_t>(std::ceil(std::log(n))) + s.spare_sends;
}

duration sync_period(const settings& s, std::size_t members) {
  if (members <= 32)
    return s.sync_interval;
  const auto doublings = std::ceil(std::log2(static_cast<double>(members)) - 5.0);
  return s.sync_interval * (static_cast<int>(doublings) + 1);
}

} // namespace starling::membership
