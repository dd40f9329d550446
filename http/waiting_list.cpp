#include "http/waiting_list.hpp"

namespace starling::http {

void waiting_list::put(number who, stage what, clock::time_point now, clock::time_point deadline) {
  auto since = now;
  if (const auto found = all_.find(who); found != all_.end() && found->second.what == what)
    since = found->second.since;
  remove(who);
  all_.emplace(who, entry{what, since, deadline});
  at(what).emplace(since, who);
  if (what != stage::busy)
    deadlines_.emplace(deadline, who);
}

void waiting_list::remove(number who) {
  const auto found = all_.find(who);
  if (found == all_.end())
    return;
  const auto& [what, since, deadline] = found->second;
  at(what).erase({since, who});
  deadlines_.erase({deadline, who});
  all_.erase(found);
}

std::optional<stage> waiting_list::find(number who) const {
  const auto found = all_.find(who);
  return found == all_.end() ? std::nullopt : std::optional{found->second.what};
}

std::optional<waiting_list::clock::time_point> waiting_list::deadline(number who) const {
  const auto found = all_.find(who);
  return found == all_.end() ? std::nullopt : std::optional{found->second.deadline};
}

std::optional<waiting_list::clock::time_point> waiting_list::first_deadline() const {
  if (deadlines_.empty())
    return std::nullopt;
  return deadlines_.begin()->first;
}

std::optional<waiting_list::number> waiting_list::overdue(clock::time_point now) const {
  if (deadlines_.empty() || deadlines_.begin()->first > now)
    return std::nullopt;
  return deadlines_.begin()->second;
}

std::optional<waiting_list::number> waiting_list::least_missed(clock::time_point now) const {
  if (!at(stage::silent).empty())
    return at(stage::silent).begin()->second;
  const auto& heads = at(stage::head);
  if (!heads.empty() && heads.begin()->first + slow_head <= now)
    return heads.begin()->second;
  for (const auto what : {stage::ending, stage::idle, stage::head, stage::body})
    if (!at(what).empty())
      return at(what).begin()->second;
  return std::nullopt;
}

std::optional<waiting_list::number> waiting_list::longest_transfer() const {
  const auto& bodies = at(stage::body);
  const auto& answers = at(stage::sending);
  if (bodies.size() + answers.size() < 2)
    return std::nullopt;
  if (bodies.empty() || (!answers.empty() && *answers.begin() < *bodies.begin()))
    return answers.begin()->second;
  return bodies.begin()->second;
}

} // namespace starling::http
