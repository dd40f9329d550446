#include "membership/seeds.hpp"

#include <algorithm>

namespace starling::membership {

seeds::seeds(std::vector<std::string> addresses, const timing& t) : timing_(t) {
  for (auto& address : addresses)
    seeds_.try_emplace(std::move(address));
}

void seeds::hurry(duration now) {
  for (auto& [address, seed] : seeds_) {
    seed.due = now;
    seed.failures = 0;
  }
}

std::vector<std::string> seeds::due(duration now, random_source& random,
                                    const std::function<bool(const node_id&)>& is_alive) {
  std::vector<std::string> result;
  for (auto& [address, seed] : seeds_) {
    if (seed.under_way || seed.due > now)
      continue;
    if (seed.who && is_alive(*seed.who)) {
      seed.due = now + random.between(timing_.interval / 2, 3 * timing_.interval / 2);
      continue;
    }
    seed.under_way = true;
    result.push_back(address);
  }
  return result;
}

void seeds::reached(const std::string& seed, const node_id& who, duration now,
                    random_source& random) {
  const auto found = seeds_.find(seed);
  if (found == seeds_.end())
    return;
  auto& s = found->second;
  s.under_way = false;
  s.ourselves = false;
  s.answered = true;
  s.failures = 0;
  s.who = who;
  s.due = now + random.between(timing_.interval / 2, 3 * timing_.interval / 2);
}

void seeds::is_ourselves(const std::string& seed, duration now, random_source& random) {
  const auto found = seeds_.find(seed);
  if (found == seeds_.end())
    return;
  auto& s = found->second;
  s.under_way = false;
  s.ourselves = true;
  s.who.reset();
  // A name may lead elsewhere later.
  s.due = now + random.between(timing_.interval / 2, 3 * timing_.interval / 2);
}

void seeds::failed(const std::string& seed, duration now, random_source& random) {
  const auto found = seeds_.find(seed);
  if (found == seeds_.end())
    return;
  auto& s = found->second;
  s.under_way = false;
  ++s.failures;
  auto ceiling = timing_.backoff_min;
  for (std::uint32_t i = 0; i < s.failures && ceiling < timing_.backoff_max; ++i)
    ceiling *= 2;
  ceiling = std::min(ceiling, timing_.backoff_max);
  s.due = now + random.between(timing_.backoff_min, ceiling);
}

std::optional<duration> seeds::next_due() const {
  std::optional<duration> result;
  for (const auto& [address, seed] : seeds_)
    if (!seed.under_way)
      result = result ? std::min(*result, seed.due) : seed.due;
  return result;
}

std::vector<std::string> seeds::unreached() const {
  std::vector<std::string> result;
  for (const auto& [address, seed] : seeds_)
    if (!seed.answered && !seed.ourselves)
      result.push_back(address);
  return result;
}

bool seeds::any_reached() const {
  return std::ranges::all_of(seeds_, [](const auto& s) { return s.second.ourselves; }) ||
         std::ranges::any_of(seeds_, [](const auto& s) { return s.second.answered; });
}

} // namespace starling::membership
