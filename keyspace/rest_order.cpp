#include "keyspace/rest_order.hpp"

namespace starling::keyspace {

const crdt::key* rest_order::next_idle(std::chrono::nanoseconds now) {
  if (awake_.empty() || awake_.front().used > now - most_.rest_after)
    return nullptr;
  return let_first_leave();
}

const crdt::key* rest_order::next_too_many(const crdt::key* spared) {
  return awake_.size() > most_.awake_max ? next_too_large(spared) : nullptr;
}

/// If the spared one comes first, it is the only one that does not leave.
const crdt::key* rest_order::next_too_large(const crdt::key* spared) {
  return awake_.empty() || awake_.front().key == spared ? nullptr : let_first_leave();
}

const crdt::key* rest_order::let_first_leave() {
  awake_.front().leaves = true;
  leaving_.splice(leaving_.end(), awake_, awake_.begin());
  return leaving_.back().key;
}

} // namespace starling::keyspace
