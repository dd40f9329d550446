// Who lives and is reached by nobody, be it this node, and who claims its address.

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

/// Whoever answered a call is reached if it is at that address: a seed's may be another one.
void swim::note_answer(const node_id& id, const std::string& address) {
  if (const auto* e = table_.find(id);
      e != nullptr && e->record.profile && e->record.profile->address == address)
    note_reached(id);
}

/// Who accuses us has tried to reach us.
void swim::was_accused() {
  own_reach_.missed();
  if (own_reach_.contradicted(now_))
    emit(event_kind::unreached, self());
}

/// Something got in to our address, and not only because we called there.
void swim::got_in() {
  if (own_reach_.reached())
    emit(event_kind::reached, self());
}

/// Who has contradicted nothing for long is as dead as it is held, or well.
void swim::forget_misses() {
  std::erase_if(doubts_, [this](const auto& one) {
    const auto& [id, doubt] = one;
    return table_.find(id) == nullptr ||
           (doubt.is_unreached() && now_ - doubt.last_contradiction() > contest_memory());
  });
}

std::optional<member> swim::address_rival() const {
  if (!contested_by_ || (!address_rival_ && now_ - contested_ > contest_memory()))
    return std::nullopt;
  const auto* e = table_.find(*contested_by_);
  return e == nullptr ? std::nullopt : std::optional{e->record};
}

} // namespace starling::membership
