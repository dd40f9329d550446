#include "keyspace/numbering.hpp"

#include "storage/kept_since.hpp"

#include <algorithm>
#include <utility>

namespace starling::keyspace {

numbering::numbering(settings with) : settings_(std::move(with)) {}

void numbering::ask(id_ticket who, const crdt::replica_id& fresh, numbering_effects& out) {
  if (failure_)
    return out.push_back(answer_id{who, *failure_});
  if (is_certain())
    return out.push_back(answer_id{who, settings_.replica});
  held_.push_back(who);
  if (is_doubtful_)
    doubted(fresh, out);
}

void numbering::confirmed(numbering_effects& out) {
  settings_.is_certain = true;
  if (is_certain() && !failure_)
    answer(std::exchange(held_, {}), out);
}

/// That costs another id once it is needed.
void numbering::doubted(const crdt::replica_id& fresh, numbering_effects& out) {
  is_doubtful_ = true;
  if (!settings_.is_certain && !held_.empty() && !keeping_)
    begin({fresh,
           {storage::renewal::cause::not_confirmed,
            "no other node can tell what this one had numbered"}},
          out);
}

void numbering::give_up(const crdt::replica_id& lost, const storage::renewal& why,
                        const crdt::replica_id& fresh, std::optional<id_ticket> who,
                        numbering_effects& out) {
  const bool is_former =
      std::ranges::count(settings_.former, lost, &replication::tally::replica) > 0;
  const bool is_known = lost != settings_.replica && !is_former; // somebody else has noticed
  if (!is_known && !failure_) {
    if (who)
      waiting_.push_back(*who);
    if (!keeping_)
      begin({fresh, why}, out);
    else if (!storage::shows_loss(keeping_->why.what))
      next_ = change{fresh, why};
  } else if (who && is_known) {
    out.push_back(answer_id{*who, settings_.replica});
  } else if (who) {
    out.push_back(answer_id{*who, *failure_});
  }
}

/// Nothing is numbered before the id is certain, so an id that is given up for lack of an answer
/// got no further than at the start.
void numbering::begin(change to, numbering_effects& out) {
  auto written = storage::keeping_replica(settings_.seen, settings_.is_careful, to.id);
  if (storage::shows_loss(to.why.what)) {
    settings_.former.clear();
    storage::put_kept_since(written, settings_.session);
  } else {
    settings_.former.push_back({settings_.replica, settings_.changes});
    storage::put_former_ids(written, settings_.former);
  }
  keeping_ = to;
  out.push_back(keep_id{std::move(written), to.id, std::move(to.why)});
}

void numbering::kept(numbering_effects& out) {
  auto [id, why] = *std::exchange(keeping_, std::nullopt);
  settings_.replica = id;
  settings_.is_certain = true;
  out.push_back(number_under{id, std::move(why)});
  if (auto next = std::exchange(next_, std::nullopt))
    return begin(*std::move(next), out); // whoever waits is told the id after this one
  answer(std::exchange(waiting_, {}), out);
  answer(std::exchange(held_, {}), out);
}

void numbering::failed(const failure& why, numbering_effects& out) {
  failure_ = why;
  keeping_.reset();
  next_.reset();
  for (auto* waiting : {&waiting_, &held_})
    for (const auto who : std::exchange(*waiting, {}))
      out.push_back(answer_id{who, why});
}

void numbering::answer(const std::vector<id_ticket>& who, numbering_effects& out) const {
  for (const auto one : who)
    out.push_back(answer_id{one, settings_.replica});
}

} // namespace starling::keyspace
