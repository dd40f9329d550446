// The part of the gossip core that takes what others send, and answers.

#include "replication/gossip.hpp"

#include <algorithm>
#include <utility>

namespace starling::replication {

namespace {

/// Whether a message brings something to join, or a part of it.
bool brings_something(const message& m) {
  return m.piece || !m.items.empty() ||
         (m.comparison && std::holds_alternative<snapshot_rows>(m.comparison->what));
}

/// About how many bytes are to be joined.
std::size_t bytes_of(const message& m) {
  std::size_t result = 0;
  for (const auto& [key, part] : m.items)
    result += key.name.size() + part.footprint();
  if (m.comparison)
    if (const auto* rows = std::get_if<snapshot_rows>(&m.comparison->what))
      result += rows->rows.footprint();
  return result;
}

} // namespace

std::variant<gossip::incoming, gossip::reply> gossip::receive(message m) {
  const auto say = [&](verdict v) {
    answer result{self_, m.from, m.sequence, v, 0, {}, trees_.of(m.reads).root()};
    result.kept_since = told_kept_since(m.from);
    result.reads = limits_.ours.reads;
    result.version = m.version;
    return reply{encode(result)};
  };
  if (m.to != self_)
    return say(verdict::other_session);
  if (is_walked_by(m.from))
    walker_->age = 0;
  if (const auto known = peers_.find(m.from); known != peers_.end())
    hear_what_it_reads(known->second, m.reads);
  if (arriving_.is_joining(m.from) && brings_something(m))
    return say(verdict::busy);
  const auto content = m.piece ? m.piece->number : 0;
  if (m.piece) {
    switch (pieces_.add(m.from, *m.piece)) {
    case assembly::outcome::kept:
    case assembly::outcome::done:
      return say(verdict::joined);
    case assembly::outcome::busy:
      return say(verdict::busy);
    case assembly::outcome::start_over:
      return say(verdict::start_over);
    case assembly::outcome::too_large:
      note_not_taken(m.from);
      return say(verdict::refused);
    case assembly::outcome::whole:
      break;
    }
    if (!arriving_.may_begin(m.from, static_cast<std::size_t>(m.piece->size)))
      return say(verdict::busy); // before it takes many times the room
    auto whole = decode_with(m, pieces_.content(m.from), limits_.ours);
    if (!std::holds_alternative<message>(whole)) {
      pieces_.forget(m.from);
      note_not_taken(m.from);
      return say(verdict::refused);
    }
    m = std::get<message>(std::move(whole));
  }
  hear_tallies(m.from, m.tallies);
  if (const auto why = objection(m)) {
    if (content != 0)
      pieces_.forget(m.from);
    return say(*why);
  }
  if (brings_something(m)) {
    const auto bytes = bytes_of(m);
    if (!arriving_.may_begin(m.from, bytes))
      return say(verdict::busy);
    arriving_.begin(m.from, bytes);
  }
  if (m.skipped > 0)
    holdings_.cannot_have_all(); // as for an answer
  skipped_ += m.skipped;
  note_walker(m);
  if (const auto known = peers_.find(m.from); known != peers_.end())
    known->second.holdings.hear(m.from, m.kept_since);
  incoming result{std::move(m), {}, std::nullopt, content};
  result.items = std::exchange(result.head.items, {});
  if (result.head.comparison)
    prepare(*result.head.comparison, result);
  result.brings_items = !result.items.empty() || result.head.skipped > 0;
  heard(result.head.from, result.items);
  return result;
}

void gossip::note_not_taken(session_id peer) {
  ++not_taken_;
  if (const auto known = peers_.find(peer); known != peers_.end())
    known->second.brought_too_much = true;
}

gossip::reply gossip::joined(const incoming& in, std::string_view state) {
  const auto& m = in.head;
  arriving_.end(m.from);
  answer result{self_, m.from, m.sequence, verdict::joined, 0, {}, trees_.of(m.reads).root()};
  result.reads = limits_.ours.reads;
  result.version = m.version;
  if (in.wanted && state.empty() &&
      trees_.of(in.wanted->type).find(digests_.position_of(*in.wanted), name_of(*in.wanted)) !=
          digest{})
    holdings_.cannot_read_all();
  result.kept_since = told_kept_since(m.from);
  std::vector<encoded_item> offered;
  const auto found = peers_.find(m.from);
  if (found != peers_.end() && m.acknowledged != 0 && m.acknowledged == found->second.offers.last) {
    auto& p = found->second;
    p.cursor = std::max(p.cursor, p.offers.to);
    p.told = std::max(p.told, p.offers.telling);
    drop_acknowledged();
  }
  result.tallies = tallies_for(m, found == peers_.end() ? nullptr : &found->second);
  if (m.walk)
    answer_walk(m, result);
  else if (m.audit)
    result.sums = audit_sums(trees_.of(m.reads), *m.audit);
  else if (m.comparison)
    answer_comparison(in, state, result);
  else if (found != peers_.end())
    offer(m, found->second, result, offered);
  const bool is_of_log = !m.mends && !m.is_early && !m.walk && !m.audit && !m.comparison;
  if (holdings_.lacks_data() && is_of_log && in.brings_items)
    caught_up_.insert(m.from);
  if (in.pieces != 0 && result.verdict == verdict::joined)
    pieces_.used(m.from, in.pieces);
  else if (in.pieces != 0)
    pieces_.forget(m.from);
  if (!m.walk && !m.comparison && !m.mends && !m.is_early && is_walked_by(m.from))
    walker_.reset(); // it has something else to say, so that is over
  if (!m.comparison && !m.is_early && answering_ && answering_->asking() == m.from)
    answering_.reset(); // so is this
  reply done{encode(result, offered), offered.size(), elements_in(offered)};
  // What it wants from us goes at once.
  if (found != peers_.end() && found->second.is_present && found->second.is_idle() &&
      !found->second.repair.lacking.empty())
    done.effects = advance(m.from, found->second);
  return done;
}

void gossip::not_joined(const incoming& in) {
  arriving_.end(in.head.from);
}

/// Offers what the peer lacks of the log.
void gossip::offer(const message& m, gossip_peer& p, answer& into,
                   std::vector<encoded_item>& items) {
  // Where a round's offers end is settled at its begin, so that it ends, however much is written.
  const auto peers =
      std::ranges::count_if(peers_, [](const auto& one) { return one.second.is_present; });
  if (m.phase == phase::asks ||
      (m.phase == phase::tells && limits_.fanout < static_cast<std::size_t>(peers)))
    p.offers.round_end = log_.last();
  // What is on its way already is not offered, too.
  if (!p.is_present || p.behind || p.cut || !p.is_idle() || !log_.reaches_back_to(p.cursor))
    return;
  auto next = lacking(m.from, p, p.cursor, p.offers.round_end);
  if (next.items.empty() || next.bytes > p.room) // too large for an answer
    return;
  if (p.offers.last == 0 || p.offers.to != next.end) { // the same once more keeps its number
    p.offers.last = ++sequence_;
    p.offers.telling = tallies_.version();
  }
  p.offers.to = next.end;
  into.offer = p.offers.last;
  items = std::move(next.items);
}

} // namespace starling::replication
