// Members that live and that nobody reaches, this node among them, and the member that claims the
// address of this node.

#include "membership/swim.hpp"

namespace starling::membership {

void swim::note_miss(const node_id& id) {
  if (table_.find(id) != nullptr)
    doubts_[id].missed();
}

/// A member that was suspected or dead says that it lives.
void swim::note_contradiction(const member& m) {
  if (const auto found = doubts_.find(m.id);
      found != doubts_.end() && found->second.contradicted(now_))
    emit(event_kind::member_unreached, m);
}

void swim::note_reached(const node_id& id) {
  const auto found = doubts_.find(id);
  if (found == doubts_.end())
    return;
  const bool is_news = found->second.reached();
  doubts_.erase(found);
  if (is_news)
    emit(event_kind::member_reached, table_.find(id)->record);
}

/// The member that answered a call is reached if its profile has the address that was called. The
/// name of a seed may lead to another address of it.
void swim::note_answer(const node_id& id, const std::string& address) {
  if (const auto* e = table_.find(id);
      e != nullptr && e->record.profile && e->record.profile->address == address)
    note_reached(id);
}

/// An accuser of this node has tried to reach it in vain.
void swim::was_accused() {
  own_reach_.missed();
  if (own_reach_.contradicted(now_))
    emit(event_kind::unreached, self());
}

/// A packet or a call came to our address that is no answer to one of ours.
void swim::got_in() {
  if (own_reach_.reached())
    emit(event_kind::reached, self());
}

/// Ends the doubts about members that are forgotten, and about those that have contradicted nothing
/// for long: such a member is dead, or reached again.
void swim::forget_misses() {
  std::erase_if(doubts_, [this](const auto& one) {
    const auto& [id, doubt] = one;
    return table_.find(id) == nullptr ||
           (doubt.is_unreached() && now_ - doubt.last_contradiction() > contest_.memory());
  });
}

std::optional<member> swim::address_rival() const {
  const auto claimant = contest_.last_claimant(now_);
  const auto* e = claimant ? table_.find(*claimant) : nullptr;
  return e == nullptr ? std::nullopt : std::optional{e->record};
}

} // namespace starling::membership
