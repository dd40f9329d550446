#include "keyspace/anti_entropy.hpp"

#include "storage/kept_since.hpp"
#include "storage/tally_rows.hpp"
#include "storage/witnesses.hpp"

#include <algorithm>
#include <utility>

namespace starling::keyspace {

anti_entropy::anti_entropy(const anti_entropy_settings& settings)
    : settings_(settings), core_(settings.self, settings.limits, settings.digests),
      random_(settings.random_seed), is_restoring_(settings.is_restoring) {
  if (settings_.own) {
    core_.note(*settings_.own);
    number_under(settings_.own->replica);
  }
  for (const auto& one : settings_.former)
    core_.numbered_under(one);
  is_id_certain_ = settings_.own && settings_.is_certain;
  kept_tallies_ = core_.tallies().version();
  core_.lacks_data(settings_.rescuers.has_value());
  core_.keeps_since(settings_.kept_since.value_or(settings_.self));
  core_.settle(settings_.is_certain);
}

// -- what this node has --

void anti_entropy::restore(const storage::digests_page& some) {
  for (const auto& [key, digest] : some.keys)
    core_.restore(key, digest);
  unknown_keys_ += some.unknown;
}

void anti_entropy::restored(gossip_effects& out) {
  is_restoring_ = false;
  if (unknown_keys_ > 0)
    core_.cannot_read_all();
  go_on(meet_peers{}, out);
}

void anti_entropy::remember(const std::vector<replication::tally>& tallies) {
  for (const auto& one : tallies)
    core_.note(one);
  kept_tallies_ = core_.tallies().version();
}

replication::statement anti_entropy::state(const crdt::replica_id& about) const {
  const auto changes = core_.tallies().of(about);
  const bool may_have_known_more = changes == 0 && core_.tallies().is_full();
  return {settings_.self, changes, may_have_known_more ? session_id{} : core_.kept_since()};
}

void anti_entropy::record(crdt::key key, const novelty& news, gossip_effects& out) {
  if (news.counted)
    core_.note(*news.counted);
  has_moved_ = has_moved_ || news.from;
  core_.record(std::move(key), news.part, news.now, news.from);
  prompt_soon(out);
}

// -- news --

void anti_entropy::has_news(crdt::key key, gossip_effects& out) {
  news_of_.push_back(std::move(key));
  prompt_soon(out);
}

/// Does something once all news that keys have by now are recorded.
void anti_entropy::when_gathered(after_news what, gossip_effects& out) {
  if (news_of_.empty() && !is_gathering_)
    return std::visit([&](const auto& one) { go_on(one, out); }, what);
  if (is_gathering_ && !news_of_.empty()) {
    after_another_.push_back(std::move(what));
    return;
  }
  after_news_.push_back(std::move(what));
  if (!is_gathering_)
    start_gathering(out);
}

void anti_entropy::start_gathering(gossip_effects& out) {
  is_gathering_ = true;
  out.push_back(gather_news{std::exchange(news_of_, {})});
}

void anti_entropy::gathered(gossip_effects& out) {
  is_gathering_ = false;
  const auto first = std::exchange(after_news_, std::exchange(after_another_, {}));
  if (!after_news_.empty())
    start_gathering(out);
  for (const auto& what : first)
    std::visit([&](const auto& one) { go_on(one, out); }, what);
}

void anti_entropy::catch_up(ticket who, gossip_effects& out) {
  when_gathered(say_up_to_date{who}, out);
}

void anti_entropy::go_on(const say_up_to_date& what, gossip_effects& out) {
  out.push_back(is_up_to_date{what.who});
}

void anti_entropy::number_under(const crdt::replica_id& id) {
  own_id_ = id;
  has_forgotten_ = false; // with another id the disk may say since when all is kept
  is_id_certain_ = true;
  core_.numbers_under(id);
}

/// Nothing is said of it once something was skipped: that is acknowledged, and not here.
void anti_entropy::doubt_what_is_kept() {
  if (skipped() == 0)
    core_.begin_anew();
}

/// What was skipped is acknowledged and not here. Whoever loses it must not take this node, in a
/// later life, for one that has kept all that it had. Once is enough.
void anti_entropy::forget_what_is_kept(gossip_effects& out) {
  if (std::exchange(has_forgotten_, true))
    return;
  keep result;
  storage::forget_kept_since(result.changes);
  out.push_back(std::move(result));
}

void anti_entropy::confirmed() {
  is_id_certain_ = own_id_.has_value();
  core_.settle();
}

void anti_entropy::counted(std::uint64_t changes) {
  is_counting_ = false;
  if (own_id_)
    core_.note({*own_id_, changes});
}

/// So that others can tell that the disk of this node was set back, even if its clients wrote
/// nothing meanwhile.
void anti_entropy::count_moments(gossip_effects& out) {
  count_age_ = std::min(count_age_ + 1, moment_age);
  if (is_id_certain_ && own_id_ && has_moved_ && !is_counting_ && count_age_ == moment_age) {
    is_counting_ = true;
    has_moved_ = false;
    count_age_ = 0;
    out.push_back(count_moment{});
  }
  if (has_kept_ && ++kept_age_ >= moment_age) {
    has_kept_ = false;
    kept_age_ = 0;
    out.push_back(commit_what_is_kept{});
  }
}

/// Has what a peer told of other nodes kept, before anything that it sent along is joined. The
/// count of this node itself is kept with its own changes.
void anti_entropy::keep_what_was_told(gossip_effects& out) {
  storage::batch changes;
  for (const auto& id : core_.take_forgotten())
    storage::erase_tally(changes, id);
  const auto version = core_.tallies().version();
  for (const auto& one : core_.tallies().since(std::exchange(kept_tallies_, version)))
    if (one.replica != own_id_ || core_.was_set_back())
      storage::put_tally(changes, one);
  has_kept_ = has_kept_ || !changes.empty();
  if (!changes.empty())
    out.push_back(keep{std::move(changes)});
  if (core_.was_set_back() && own_id_) {
    doubt_what_is_kept();
    out.push_back(was_set_back{*std::exchange(own_id_, std::nullopt)});
  }
}

// -- who is there --

/// All that is here when a peer is met is compared with what the peer has. So news are told before:
/// they would be sent as deltas besides.
void anti_entropy::set_peer(const member_name& who, session_id session, const std::string& address,
                            const replication::peer_dialect& how, gossip_effects& out) {
  early_peers_[who] = {session, address, how};
  if (!is_restoring_)
    when_gathered(meet_peers{}, out);
}

void anti_entropy::go_on(const meet_peers&, gossip_effects& out) {
  for (const auto& [who, peer] : std::exchange(early_peers_, {}))
    meet(who, peer, out);
}

void anti_entropy::meet(const member_name& who, const waiting_peer& peer, gossip_effects& out) {
  const auto session = peer.session;
  if (const auto known = sessions_.find(who); known != sessions_.end() && known->second != session)
    lose_peer(who, out);
  sessions_[who] = session;
  addresses_[session] = peer.address;
  core_.add_peer(session, peer.how);
  prompt_soon(out);
}

void anti_entropy::lose_peer(const member_name& who, gossip_effects& out) {
  early_peers_.erase(who);
  const auto known = sessions_.find(who);
  if (known == sessions_.end())
    return;
  const auto session = known->second;
  sessions_.erase(known);
  // Two processes that started with one id: the one that took a new id goes on in its session.
  if (std::ranges::any_of(sessions_, [&](const auto& one) { return one.second == session; }))
    return;
  core_.remove_peer(session);
  spared_.erase(session);
  addresses_.erase(session);
  silent_.erase(session);
  told_silent_.erase(session);
  holders_.erase(session);
  continue_flush(out);
}

// -- time --

void anti_entropy::round_due(gossip_effects& out) {
  when_gathered(begin_round{}, out);
}

void anti_entropy::go_on(const begin_round&, gossip_effects& out) {
  for (std::size_t i = 0; i < settings_.limits.fanout; ++i)
    perform(core_.round(random_()), out);
}

/// A prompt round that found its peer busy is made up for.
void anti_entropy::tick(gossip_effects& out) {
  core_.tick();
  age_silence(out);
  if (++rescue_age_ == rescue_age_max)
    see_whether_all_is_back(out);
  count_moments(out);
  prompt_soon(out);
}

void anti_entropy::age_silence(gossip_effects& out) {
  for (auto at = told_silent_.begin(); at != told_silent_.end();) {
    auto& [peer, age] = *at;
    if (silent_.contains(peer) || ++age < settled_after) {
      ++at;
    } else {
      out.push_back(answers_again{addresses_.at(peer)});
      at = told_silent_.erase(at);
    }
  }
}

/// Until nobody who answers lacks anything, rounds follow each other at the prompt delay.
void anti_entropy::prompt_soon(gossip_effects& out) {
  if (!settings_.prompts || is_prompted_ || !core_.may_prompt(!news_of_.empty()))
    return;
  is_prompted_ = true;
  out.push_back(prompt_later{});
}

void anti_entropy::prompt_due(gossip_effects& out) {
  when_gathered(begin_prompt{}, out);
}

void anti_entropy::go_on(const begin_prompt&, gossip_effects& out) {
  is_prompted_ = false;
  for (std::size_t i = 0; i < settings_.limits.fanout; ++i)
    perform(core_.prompt(random_()), out);
  prompt_soon(out);
}

/// Tries a peer that failed again out of turn, later and later.
void anti_entropy::spare(session_id peer, gossip_effects& out) {
  if (!settings_.prompts)
    return;
  auto& wait = spared_[peer];
  wait = wait.count() == 0 ? retry_after : std::min(2 * wait, settings_.interval);
  out.push_back(retry_later{peer, wait});
}

void anti_entropy::retry_due(session_id peer, gossip_effects& out) {
  if (spared_.contains(peer))
    perform(core_.retry(peer), out);
}

// -- the end --

void anti_entropy::flush(ticket who, gossip_effects& out, bool hears_all) {
  when_gathered(begin_flush{who, hears_all}, out);
}

void anti_entropy::go_on(const begin_flush& what, gossip_effects& out) {
  silent_.clear(); // each gets one more chance
  if (what.hears_all)
    core_.hear_all();
  flushing_.push_back(what.who);
  continue_flush(out);
}

void anti_entropy::flush_due(gossip_effects& out) {
  core_.ask_again();
  continue_flush(out);
}

void anti_entropy::continue_flush(gossip_effects& out) {
  if (flushing_.empty())
    return;
  if (auto todo = core_.rounds(silent_); !todo.empty())
    return perform(std::move(todo), out);
  if (!core_.is_quiet())
    return;
  if (core_.was_put_off()) // somebody is busy with others, who will soon be done
    return out.push_back(flush_later{});
  for (const auto who : std::exchange(flushing_, {}))
    out.push_back(flushed{who});
}

// -- what the core wants done --

void anti_entropy::perform(std::vector<replication::effect> todo, gossip_effects& out) {
  for (auto& one : todo)
    std::visit([&](auto& e) { perform(e, out); }, one);
  continue_flush(out);
  prompt_soon(out);
}

void anti_entropy::perform(replication::send_message& e, gossip_effects& out) {
  out.push_back(post{e.peer, addresses_.at(e.peer), std::move(e.bytes), e.items, e.elements});
}

void anti_entropy::perform(replication::read_states& e, gossip_effects& out) {
  const auto number = ++last_ticket_;
  readings_.emplace(number, reading{e.peer, e.keys.size()});
  for (auto& key : e.keys) {
    wanted_states_.emplace(++last_ticket_, wanted_state{std::nullopt, number, key});
    out.push_back(read_state{last_ticket_, std::move(key)});
  }
}

void anti_entropy::perform(replication::peer_changed& e, gossip_effects& out) {
  const auto known = addresses_.find(e.believed);
  if (known == addresses_.end())
    return;
  silent_.insert(e.believed); // nobody is there to be asked again
  out.push_back(stranger{known->second});
}

void anti_entropy::perform(replication::value_refused& e, gossip_effects& out) {
  if (const auto known = addresses_.find(e.peer); known != addresses_.end())
    out.push_back(peer_refuses{known->second, std::move(e.key)});
}

// -- messages --

void anti_entropy::receive(ticket who, std::string_view bytes, gossip_effects& out) {
  auto decoded = replication::decode_message(bytes, settings_.limits.ours);
  if (!decoded)
    return out.push_back(
        reply{who, failure{reason::bad_message, std::string{decoded.error().what}}});
  if (is_restoring_)
    return out.push_back(reply{who, failure{reason::unavailable, "not ready yet"}});
  auto taken = core_.receive(*std::move(decoded));
  keep_what_was_told(out);
  if (auto* at_once = std::get_if<replication::gossip::reply>(&taken))
    return out.push_back(reply{who, std::move(at_once->bytes)});
  auto& in = std::get<replication::gossip::incoming>(taken);
  if (in.head.skipped > 0)
    forget_what_is_kept(out);
  arrival what{.from = in.head.from, .mends = in.head.mends || in.head.comparison, .reply_to = who};
  auto items = std::exchange(in.items, {});
  what.message = std::move(in);
  join(std::move(what), std::move(items), out);
}

void anti_entropy::answered(session_id peer, std::string_view bytes, bool was_slow,
                            gossip_effects& out) {
  const auto answer = replication::decode_answer(bytes, settings_.limits.ours);
  if (!answer)
    return failed(peer, "an answer that cannot be read", out);
  auto items = core_.receive_answer(peer, *answer);
  if (!items)
    return failed(peer, "an answer that does not fit", out);
  keep_what_was_told(out);
  if (answer->skipped > 0)
    forget_what_is_kept(out);
  silent_.erase(peer);
  spared_.erase(peer);
  arrival what{.from = peer, .mends = answer->rows.has_value(), .was_slow = was_slow};
  what.head = std::move(*answer);
  joining_answers_.insert(peer);
  join(std::move(what), std::move(*items), out);
}

/// Whether the peer is dead is for membership to find out.
void anti_entropy::failed(session_id peer, const std::string& why, gossip_effects& out) {
  const auto known = addresses_.find(peer);
  if (known != addresses_.end()) {
    silent_.insert(peer);
    if (!told_silent_.contains(peer))
      out.push_back(went_silent{known->second, why});
    told_silent_[peer] = 0;
  }
  ++failures_;
  core_.failed(peer);
  if (known != addresses_.end())
    spare(peer, out);
  continue_flush(out);
}

// -- what the keys say --

void anti_entropy::join(arrival what, std::vector<replication::item> items, gossip_effects& out) {
  const auto number = ++last_ticket_;
  const auto from = what.from;
  const bool mends = what.mends;
  arrivals_.emplace(number, std::move(what));
  if (items.empty())
    return finish(number, out);
  ++joining_;
  out.push_back(join_parts{number, from, std::move(items), mends});
}

/// What this version will never join is skipped, so that it does not hold up the rest.
void anti_entropy::joined(ticket number, const join_outcome& what, gossip_effects& out) {
  --joining_;
  arrivals_.at(number).why = what.why;
  skipped_ += what.skipped;
  if (what.skipped > 0)
    forget_what_is_kept(out);
  finish(number, out);
}

/// All that an arrival brought is joined and committed, or has failed.
void anti_entropy::finish(ticket number, gossip_effects& out) {
  auto& what = arrivals_.at(number);
  if (what.message)
    return finish_message(number, what, out);
  joining_answers_.erase(what.from);
  finish_answer(what, out);
  arrivals_.erase(number);
}

void anti_entropy::finish_message(ticket number, arrival& what, gossip_effects& out) {
  if (what.why) {
    core_.not_joined(*what.message);
    out.push_back(reply{what.reply_to, *what.why});
  } else if (what.message->wanted) {
    const auto& key = *what.message->wanted;
    wanted_states_.emplace(++last_ticket_, wanted_state{number, 0, key});
    return out.push_back(read_state{last_ticket_, key});
  } else {
    return when_gathered(acknowledge_message{number}, out);
  }
  arrivals_.erase(number);
}

void anti_entropy::go_on(const acknowledge_message& what, gossip_effects& out) {
  const auto message = std::move(arrivals_.extract(what.arrival).mapped());
  acknowledge(message, {}, out);
}

void anti_entropy::finish_answer(const arrival& what, gossip_effects& out) {
  if (what.why)
    return failed(what.from, what.why->what, out);
  perform(core_.answered(what.from, what.head, what.was_slow), out);
  see_what_came_of_it(what.from, out);
}

/// The answer acknowledges: every key has joined its part, and what was new is in the log.
void anti_entropy::acknowledge(const arrival& what, std::string_view state, gossip_effects& out) {
  auto said = core_.joined(*what.message, state);
  out.push_back(reply{what.reply_to, std::move(said.bytes), said.items, said.elements});
  perform(std::move(said.effects), out);
  see_what_came_of_it(what.from, out);
}

void anti_entropy::see_what_came_of_it(session_id peer, gossip_effects& out) {
  see_whether_all_is_back(out);
  note_witness(peer, out);
  const auto since = core_.had_all_and_kept_it_since(peer);
  if (!since || !addresses_.contains(peer))
    return;
  const auto [known, is_new] = holders_.emplace(peer, *since);
  if (is_new || std::exchange(known->second, *since) != *since)
    out.push_back(held_all{peer, *since});
}

/// Has it kept since when a peer keeps what it knows: at once, for this node may end. While this
/// node's own id is in doubt it notes nobody: such a peer may have lost what it knew of the id, and
/// would vouch for it in the next life.
void anti_entropy::note_witness(session_id peer, gossip_effects& out) {
  auto& all = settings_.witnesses;
  const auto since = core_.kept_since(peer);
  if (!settings_.own || !is_id_certain_ || !since || std::ranges::find(all, *since) != all.end())
    return;
  if (all.size() >= storage::witnesses_max)
    all.erase(all.begin());
  all.push_back(*since);
  keep row;
  storage::put_witnesses(row.changes, all);
  out.push_back(std::move(row));
  out.push_back(commit_what_is_kept{});
}

/// One member at least that once had all that this node had, and has lost nothing since, has to
/// bring all that it has. It must read all types that this node reads: nobody knows of which types
/// the lost keys are. And whoever was known or alive when the loss was noticed, as long as he
/// may still come.
void anti_entropy::see_whether_all_is_back(gossip_effects& out) {
  if (!settings_.rescuers)
    return;
  caught_up result;
  for (const auto& [who, rescuer] : *settings_.rescuers) {
    const auto known = sessions_.find(who);
    const bool is_there = known != sessions_.end();
    const bool has_come = is_there && core_.has_caught_up_with(known->second);
    if (has_come && rescuer.kept_since && core_.reads_all_of_ours(known->second) &&
        core_.kept_since(known->second) == rescuer.kept_since)
      came_.insert(who); // it may leave now
    else if (has_come)
      came_.erase(who);
    if (came_.contains(who))
      result.from.push_back(who);
    else if (!has_come && (is_there || rescuer.was_alive))
      result.unheard.push_back(who);
  }
  if (result.from.empty() || (!result.unheard.empty() && rescue_age_ < rescue_age_max))
    return;
  settings_.rescuers.reset();
  core_.lacks_data(false);
  out.push_back(std::move(result));
}

void anti_entropy::state_read(ticket number, std::string bytes, gossip_effects& out) {
  auto wanted = std::move(wanted_states_.extract(number).mapped());
  if (wanted.arrival) {
    acknowledge(arrivals_.at(*wanted.arrival), bytes, out);
    arrivals_.erase(*wanted.arrival);
    return;
  }
  auto& all = readings_.at(wanted.reading);
  if (!bytes.empty())
    all.states.push_back({std::move(wanted.key), std::move(bytes)});
  else
    core_.cannot_read_all();
  if (--all.left > 0)
    return;
  auto done = std::move(readings_.extract(wanted.reading).mapped());
  perform(core_.states_read(done.peer, std::move(done.states)), out);
}

} // namespace starling::keyspace
