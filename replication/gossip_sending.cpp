// The part of the gossip core that sends to a peer what the log holds for it, and takes the
// answers.

#include "replication/gossip.hpp"

#include <algorithm>
#include <iterator>
#include <map>
#include <span>
#include <utility>

namespace starling::replication {

namespace {

// A larger delta of a value with rows is not joined with others of the same value.
constexpr std::size_t joined_bytes_max = 16 * 1024;

/// The join of deltas. Requires: there is one, and all are our own encodings of one type.
std::string join_all(const std::vector<const std::string*>& deltas) {
  if (deltas.size() == 1)
    return *deltas.front();
  auto joined = std::get<crdt::value>(crdt::value::decode(*deltas.front()));
  for (const auto* delta : std::span{deltas}.subspan(1))
    joined.join(std::get<crdt::value>(crdt::value::decode(*delta)));
  return joined.encode();
}

/// The deltas of a key, in the order of the log, as they will travel. They are joined, but for
/// large ones of a value with rows: those mostly have nothing in common, and joining them costs
/// more than all else that is done to send them.
void add_joined(const crdt::key& key, const std::vector<const std::string*>& deltas,
                std::vector<encoded_item>& into) {
  std::vector<const std::string*> small;
  const auto add_small = [&] {
    if (!small.empty())
      into.push_back({key, join_all(std::exchange(small, {}))});
  };
  for (const auto* delta : deltas) {
    if (!crdt::has_rows(key.type) || delta->size() <= joined_bytes_max) {
      small.push_back(delta);
      continue;
    }
    add_small();
    into.push_back({key, *delta});
  }
  add_small();
}

} // namespace

std::vector<effect> gossip::advance_log(session_id id, gossip_peer& p) {
  auto next = lacking(id, p, p.cursor, p.round_end);
  if (next.items.empty()) {
    p.cursor = std::max(p.cursor, next.end);
    drop_acknowledged();
    if (p.offers.owed == 0 && !p.walk_is_over)
      return begin_audit(id, p);
  }
  p.walk_is_over = false;
  return {send(id, p, from_log{next.end}, head_of(id, p), next.items)};
}

/// A message's worth of what the peer is not known to have, in the order of the log, between two
/// entries. Requires: the log reaches back to the first.
gossip::interval gossip::lacking(session_id id, const gossip_peer& p, std::uint64_t from,
                                 std::uint64_t end) const {
  std::map<crdt::key, std::vector<const std::string*>> parts;
  std::size_t bytes = 0;
  auto number = from;
  for (; number < end; ++number) {
    const auto& key = log_.key_of(number + 1);
    const auto* rest = p.can_read(key.type) ? log_.rest(number + 1, id) : nullptr;
    if (rest == nullptr)
      continue;
    const auto more = encoded_size(key, *rest);
    if (!parts.empty() && bytes + more > p.room)
      break;
    bytes += more;
    parts[key].push_back(rest);
  }
  interval result{{}, number, bytes};
  for (const auto& [key, deltas] : parts)
    add_joined(key, deltas, result.items);
  return result;
}

/// A message with nothing in it yet.
message gossip::head_of(session_id id, gossip_peer& p) {
  message m{self_, id, ++sequence_, p.offers.owed, std::exchange(p.phase, phase::goes_on), {}};
  m.reads = limits_.ours.reads;
  m.version = p.version;
  return m;
}

/// Sends a message, or the first piece of it.
effect gossip::send(session_id id, gossip_peer& p, const topic& about, message m,
                    const std::vector<encoded_item>& items) {
  m.tallies = tallies_.since(p.told);
  m.kept_since = told_kept_since(id);
  auto content = encode_content(m, items);
  const auto beside = content_around + m.tallies.size() * tally_bytes_max;
  if (content.size() > p.room + beside) {
    const auto key = items.size() == 1 ? std::optional{items.front().key} : std::nullopt;
    p.cut = outgoing{about, m.sequence, std::move(content), tallies_.version(), key};
    auto first = send_piece(id, p);
    auto& message = std::get<send_message>(first); // counted with its first piece
    message.items = items.size();
    message.elements = elements_in(items);
    return first;
  }
  p.doing = sent_message{m.sequence, about, tallies_.version()};
  return send_message{id, encode_with(m, content), items.size(), elements_in(items)};
}

effect gossip::send_piece(session_id id, gossip_peer& p) {
  auto m = head_of(id, p);
  auto& whole = *p.cut;
  if (whole.number == 0) // it starts over
    whole.number = m.sequence;
  m.piece = cut(whole.number, whole.content, whole.sent, p.room);
  whole.under_way = m.piece->bytes.size();
  p.doing = sent_message{m.sequence, whole.about, whole.telling};
  return send_message{id, encode(m, {}), 0, 0};
}

// -- answers --

bool gossip::expects(session_id peer, const answer& a) const {
  const auto found = peers_.find(peer);
  if (found == peers_.end())
    return false;
  const auto* sent = std::get_if<sent_message>(&found->second.doing);
  return sent != nullptr && a.to == self_ && a.sequence == sent->sequence &&
         (a.from == peer || a.verdict == verdict::other_session);
}

std::optional<std::vector<item>> gossip::receive_answer(session_id peer, const answer& a) {
  if (!expects(peer, a))
    return std::nullopt;
  auto items = a.items;
  if (a.skipped > 0)
    holdings_.cannot_have_all(); // there is something that this node cannot have, so it does not
                                 // have all
  skipped_ += a.skipped;
  if (a.verdict == verdict::joined)
    hear_tallies(peer, a.tallies);
  auto& p = peers_.at(peer);
  hear_what_it_reads(p, a.reads);
  const auto& sent = std::get<sent_message>(p.doing);
  if (std::holds_alternative<rows_step>(sent.about) && !p.cut && p.repair.comparing &&
      a.verdict == verdict::joined) {
    const auto key = p.repair.comparing->key();
    if (!p.repair.comparing->answered(a))
      fall_back(p);
    else if (auto theirs = p.repair.comparing->theirs(); theirs && !theirs->empty())
      items.push_back({key, std::move(*theirs)});
  }
  heard(peer, items);
  return items;
}

std::vector<effect> gossip::answered(session_id peer, const answer& a, bool was_slow) {
  if (!expects(peer, a))
    return {};
  if (a.verdict == verdict::other_session) {
    failed(peer);
    return {peer_changed{peer, a.from}};
  }
  auto& p = peers_.at(peer);
  hear_what_it_reads(p, a.reads);
  const auto sent = std::get<sent_message>(std::exchange(p.doing, idle{}));
  p.has_failed = false;
  p.is_to_be_heard = false;
  p.room = was_slow ? smaller(p.room, 2) : std::min(p.room + p.room / 4, limits_.message_bytes);
  if (a.verdict != verdict::joined)
    return p.is_present ? objected(peer, p, sent.about, a.verdict) : give_up(p);
  p.offers.owed = a.offer;
  p.root = a.root;
  p.holdings.hear(peer, a.kept_since);
  const auto ours = shared_with(p).root();
  const bool is_equal = a.root == ours && a.root != digest{};
  if (a.root == ours) {
    p.refused.clear();
    p.brought_too_much = false;
  }
  if (is_equal && is_whole() && can_have_all(p))
    p.had_all = true;
  if (holdings_.lacks_data() && (a.offer != 0 || is_equal))
    caught_up_.insert(peer);
  if (const auto* early = std::get_if<told_early>(&sent.about)) {
    p.told = std::max(p.told, sent.telling);
    log_.acknowledge(peer, told_to(p), early->to);
    p.early.to = std::max(p.early.to, early->to);
    drop_acknowledged();
    keep_log_bounded(); // what is known of the peer takes room, too
    return p.is_present ? advance(peer, p) : give_up(p);
  }
  if (p.cut) {
    p.cut->sent += p.cut->under_way;
    if (p.cut->sent < p.cut->content.size())
      return p.is_present ? advance(peer, p) : give_up(p);
    p.cut.reset();
    if (std::holds_alternative<rows_step>(sent.about) && p.repair.comparing &&
        !p.repair.comparing->answered(a))
      fall_back(p);
  }
  p.told = std::max(p.told, sent.telling);
  if (const auto* part = std::get_if<from_log>(&sent.about)) {
    p.cursor = std::max(p.cursor, part->to);
    drop_acknowledged();
  } else if (std::holds_alternative<walk_step>(sent.about)) {
    take_differences(p, a);
  } else if (std::holds_alternative<audit_step>(sent.about)) {
    found(p, p.audits.answered(shared_with(p), a.sums));
  }
  return p.is_present ? advance(peer, p) : give_up(p);
}

void gossip::failed(session_id peer) {
  const auto found = peers_.find(peer);
  if (found == peers_.end())
    return;
  found->second.doing = idle{};
  found->second.has_failed = true;
  found->second.room = smaller(found->second.room, 4);
  give_up(found->second);
}

/// Room for less in a message, but for something.
std::size_t gossip::smaller(std::size_t room, std::size_t divisor) const {
  return std::max(room / divisor, std::min(room_min, limits_.message_bytes));
}

/// What a peer did not do, and does not want to hear again just so.
std::vector<effect> gossip::objected(session_id id, gossip_peer& p, const topic& about,
                                     verdict why) {
  const bool is_of_rows = std::holds_alternative<rows_step>(about);
  if (std::holds_alternative<told_early>(about)) {
    p.put_off = p.early.takes_nothing = true;
    return {};
  }
  if (p.cut && why == verdict::start_over && !is_of_rows) {
    p.cut->number = 0;
    const bool had_begun = std::exchange(p.cut->sent, 0) > 0;
    p.cut->began_anew = had_begun && !p.cut->began_anew;
    if (p.cut->began_anew)
      return {send_piece(id, p)};
    p.put_off = true; // it takes nothing, or not for long
    return {};
  }
  if (p.cut && why == verdict::busy) {
    p.put_off = true;
    return {};
  }
  std::vector<effect> result;
  const bool is_of_a_value = p.cut && why == verdict::refused && p.cut->key;
  if (is_of_a_value) {
    if (p.refused.size() < refused_max && p.refused.insert(*p.cut->key).second)
      result.push_back(value_refused{id, *p.cut->key});
    if (const auto* part = std::get_if<from_log>(&about)) {
      // Whatever it says of that value, the rest is worth more.
      p.cursor = std::max(p.cursor, part->to);
      p.has_all = false;
    } else if (p.repair.walking) {
      p.repair.walking->brings_all = false;
    }
  }
  p.cut.reset();
  if (is_of_rows) {
    // One that has no time may be about to compare the same value. If we do not answer for it that
    // the peer gets it, that is enough.
    if (why != verdict::refused && !p.repair.walking)
      p.repair.comparing.reset();
    fall_back(p);
  } else if (!is_of_a_value) {
    p.repair = {};
    p.put_off = true;
    return {};
  }
  std::ranges::move(advance(id, p), std::back_inserter(result));
  return result;
}

} // namespace starling::replication
