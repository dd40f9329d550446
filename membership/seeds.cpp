#include "membership/seeds.hpp"

#include <algorithm>
#include <utility>

namespace starling::membership {

seeds::seeds(std::vector<std::string> names, const timing& t) : timing_(t) {
  for (auto& name : names)
    seeds_.try_emplace(std::move(name));
}

void seeds::hurry(duration now) {
  for (auto& [name, seed] : seeds_) {
    seed.due = now;
    seed.failures = 0;
    seed.tried = false;
  }
}

std::vector<std::string> seeds::due(duration now, random_source& random,
                                    const aliveness& is_alive) {
  std::vector<std::string> result;
  for (auto& [name, seed] : seeds_) {
    if (seed.at != stage::waiting || seed.due > now)
      continue;
    const auto needs_no_visit = [&](const auto& place) {
      const auto& [what, why, who] = place.second;
      return what == outcome::ourselves || (who && is_alive(*who));
    };
    const auto is_theirs = [](const auto& place) { return place.second.who.has_value(); };
    if (std::ranges::any_of(seed.places, is_theirs) &&
        std::ranges::all_of(seed.places, needs_no_visit)) {
      seed.due = now + random.between(timing_.interval / 2, 3 * timing_.interval / 2);
      continue;
    }
    if (looked_up_ == timing_.lookups_max)
      break;
    ++looked_up_;
    seed.at = stage::looking_up;
    result.push_back(name);
  }
  return result;
}

void seeds::found(const std::string& name, std::vector<std::string> addresses, duration now,
                  random_source& random, const aliveness& is_alive) {
  const auto which = seeds_.find(name);
  if (which == seeds_.end() || which->second.at != stage::looking_up)
    return;
  auto& seed = which->second;
  --looked_up_;
  // Any of them, and all of them in time.
  random.shuffle(addresses);
  std::map<std::string, known_place> places;
  for (auto& address : addresses) {
    if (places.size() == timing_.addresses_max)
      break;
    const auto known = seed.places.find(address);
    auto place = known == seed.places.end() ? known_place{} : known->second;
    const bool needs_no_visit = place.who && is_alive(*place.who);
    if (places.try_emplace(address, std::move(place)).second && !needs_no_visit)
      seed.left.push_back(std::move(address));
  }
  seed.places = std::move(places);
  seed.why_not_found = seed.places.empty() ? "the name has no address" : "";
  seed.at = stage::asking;
  if (seed.left.empty())
    end_round(seed, now, random);
}

void seeds::not_found(const std::string& name, const std::string& why, duration now,
                      random_source& random) {
  const auto which = seeds_.find(name);
  if (which == seeds_.end() || which->second.at != stage::looking_up)
    return;
  --looked_up_;
  which->second.places.clear();
  which->second.why_not_found = why.empty() ? "the name is not found" : why;
  end_round(which->second, now, random);
}

std::vector<seeds::target> seeds::to_ask() {
  std::vector<target> result;
  // One of each in turn, so that a name with many addresses holds up no other.
  for (bool more = true; more && asked_ < timing_.calls_max;) {
    more = false;
    for (auto& [name, seed] : seeds_) {
      if (seed.left.empty() || asked_ >= timing_.calls_max)
        continue;
      result.push_back({name, std::move(seed.left.back())});
      seed.left.pop_back();
      ++seed.asked;
      ++asked_;
      more = true;
    }
  }
  return result;
}

void seeds::reached(const target& where, const node_id& who, duration now, random_source& random) {
  if (auto* seed = asking(where))
    seed->answered = true;
  note(where, {outcome::reached, "", who}, now, random);
}

void seeds::is_ourselves(const target& where, duration now, random_source& random) {
  note(where, {outcome::ourselves, "", std::nullopt}, now, random);
}

void seeds::failed(const target& where, const std::string& why, duration now,
                   random_source& random) {
  note(where, {outcome::failed, why, std::nullopt}, now, random);
}

std::optional<duration> seeds::next_due() const {
  std::optional<duration> result;
  if (looked_up_ == timing_.lookups_max)
    return result;
  for (const auto& [name, seed] : seeds_)
    if (seed.at == stage::waiting)
      result = result ? std::min(*result, seed.due) : seed.due;
  return result;
}

std::vector<std::string> seeds::unreached() const {
  std::vector<std::string> result;
  for (const auto& [name, seed] : seeds_)
    if (!seed.answered && !leads_only_to_us(seed))
      result.push_back(name);
  return result;
}

bool seeds::any_reached() const {
  return std::ranges::all_of(seeds_,
                             [this](const auto& s) { return leads_only_to_us(s.second); }) ||
         std::ranges::any_of(seeds_, [](const auto& s) { return s.second.answered; });
}

bool seeds::are_tried() const {
  return std::ranges::all_of(seeds_, [](const auto& s) { return s.second.tried; });
}

std::vector<seeds::attempt> seeds::attempts() const {
  std::vector<attempt> result;
  for (const auto& [name, seed] : seeds_) {
    if (!seed.why_not_found.empty())
      result.push_back({name, "", outcome::failed, seed.why_not_found});
    else if (seed.places.empty())
      result.push_back({name, "", outcome::untried, ""});
    for (const auto& [address, place] : seed.places)
      result.push_back({name, address, place.what, place.why});
  }
  return result;
}

bool seeds::leads_only_to_us(const state& s) const {
  return !s.places.empty() && std::ranges::all_of(s.places, [](const auto& place) {
    return place.second.what == outcome::ourselves;
  });
}

/// The seed, if that address of it is being asked.
seeds::state* seeds::asking(const target& where) {
  const auto which = seeds_.find(where.seed);
  return which == seeds_.end() || which->second.asked == 0 ? nullptr : &which->second;
}

void seeds::note(const target& where, const known_place& result, duration now,
                 random_source& random) {
  auto* seed = asking(where);
  if (seed == nullptr)
    return;
  --seed->asked;
  --asked_;
  if (const auto known = seed->places.find(where.address); known != seed->places.end()) {
    const bool was_silent = result.what == outcome::failed; // so whose it is, is as before
    const auto who = was_silent ? known->second.who : result.who;
    known->second = {result.what, result.why, who};
  }
  if (seed->left.empty() && seed->asked == 0)
    end_round(*seed, now, random);
}

void seeds::end_round(state& s, duration now, random_source& random) {
  s.at = stage::waiting;
  s.tried = true;
  const bool leads_to_somebody = std::ranges::any_of(
      s.places, [](const auto& p) { return p.second.what == outcome::reached; });
  // A name that leads only to us may lead elsewhere later.
  if (leads_to_somebody || leads_only_to_us(s)) {
    s.failures = 0;
    s.due = now + random.between(timing_.interval / 2, 3 * timing_.interval / 2);
    return;
  }
  ++s.failures;
  auto ceiling = timing_.backoff_min;
  for (std::uint32_t i = 0; i < s.failures && ceiling < timing_.backoff_max; ++i)
    ceiling *= 2;
  ceiling = std::min(ceiling, timing_.backoff_max);
  s.due = now + random.between(timing_.backoff_min, ceiling);
}

} // namespace starling::membership
