#include "replication/holdings.hpp"

#include <utility>

namespace starling::replication {

void peer_holdings::hear(session_id peer, session_id told) {
  is_settled = told != not_settled;
  if (!is_settled)
    return;
  const bool keeps_nothing = kept_since == session_id{};
  if (!kept_since || told == session_id{} || (told == peer && !keeps_nothing))
    kept_since = told;
}

void holdings::numbers_under(const crdt::replica_id& id) {
  own_id_ = id;
  if (kept_since_ == self_) // nothing that this session has can be set back
    own_ids_.clear();
  own_ids_.insert(id);
  was_set_back_ = false;
}

void holdings::hear_of_more_under(const crdt::replica_id& id) {
  if (own_ids_.contains(id))
    was_set_back_ = true;
}

void holdings::begin_anew() {
  if (kept_since_ != session_id{})
    kept_since_ = self_;
  own_ids_.clear();
  if (own_id_)
    own_ids_.insert(*own_id_);
}

void holdings::cannot_read_all() {
  reads_all_ = false;
  kept_since_ = {};
}

bool holdings::lacks_data(bool does) {
  return std::exchange(lacks_data_, does);
}

session_id holdings::told_to(const peer_holdings* peer) const {
  if (kept_since_ == session_id{})
    return kept_since_;
  if (lacks_data_)
    return not_settled;
  if (kept_since_ == self_)
    return kept_since_;
  const bool is_heard = peer != nullptr && peer->is_heard;
  return is_settled_ && is_heard ? kept_since_ : not_settled;
}

} // namespace starling::replication
