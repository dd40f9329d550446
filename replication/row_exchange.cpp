#include "replication/row_exchange.hpp"

namespace starling::replication {

row_asking::row_asking(std::uint64_t number, crdt::key key, value_snapshot mine,
                       std::size_t message_bytes, std::size_t bytes_max)
    : key_(std::move(key)), number_(number), snapshot_(std::move(mine)), walk_(message_bytes),
      bytes_max_(bytes_max) {}

std::optional<row_step> row_asking::next() {
  if (stage_ == stage::walking) {
    if (const auto& request = walk_.next(snapshot_.rows()))
      return row_step{key_, number_, *request};
    stage_ = stage::reading;
  }
  if (stage_ == stage::reading)
    return row_step{key_, number_, std::uint64_t{read_.size()}};
  if (stage_ == stage::telling)
    return row_step{key_, number_, snapshot_.rows_of(named_)};
  return std::nullopt;
}

bool row_asking::answered(const answer& a) {
  switch (stage_) {
  case stage::walking: {
    auto named = a.walk ? walk_.answered(snapshot_.rows(), *a.walk) : std::nullopt;
    if (!named)
      return false;
    for (auto& name : named->take_names(snapshot_.rows(), SIZE_MAX))
      named_.push_back(std::move(name));
    return true;
  }
  case stage::reading: {
    if (!a.rows || a.rows->offset != read_.size() || a.rows->size > bytes_max_)
      return false;
    read_ += a.rows->bytes;
    if (read_.size() < a.rows->size)
      return true;
    if (const auto rows = decode_snapshot_rows(key_.type, read_))
      theirs_ = snapshot_.other_side(named_, {*rows});
    read_ = {};
    stage_ = stage::telling;
    return true;
  }
  case stage::telling:
    stage_ = stage::done;
    return true;
  case stage::done:
    return false;
  }
  return false;
}

row_answering::row_answering(session_id asking, std::uint64_t number, crdt::key key,
                             value_snapshot mine)
    : asking_(asking), number_(number), key_(std::move(key)), snapshot_(std::move(mine)) {}

void row_answering::answer_to(const row_step& s, std::size_t walk_bytes, std::size_t row_bytes,
                              answer& into) {
  if (const auto* request = std::get_if<repair_request>(&s.what)) {
    auto reply = replication::answer_to(*request, snapshot_.rows(), walk_bytes);
    into.walk = std::move(reply.answer);
    for (auto& name : reply.wanted.take_names(snapshot_.rows(), SIZE_MAX))
      wanted_.insert(std::move(name));
    return;
  }
  if (rows_.empty())
    rows_ = encode(snapshot_.rows_of({wanted_.begin(), wanted_.end()}));
  const auto offset = std::get<std::uint64_t>(s.what);
  if (offset < rows_.size())
    into.rows = cut(0, rows_, offset, row_bytes);
  else
    into.verdict = verdict::start_over;
}

std::optional<crdt::value> row_answering::theirs(const snapshot_rows& rows) const {
  return snapshot_.other_side({wanted_.begin(), wanted_.end()}, {rows});
}

} // namespace starling::replication
