#include "replication/gossip.hpp"

#include <gtest/gtest.h>

#include <algorithm>

namespace starling::replication {
namespace {

const session_id self{1};
const session_id bob{2};
const session_id eve{3};
const auto replica = crdt::replica_id::from(7, 7);

crdt::key key(std::string name) {
  return {crdt::type::register_, std::move(name)};
}

/// A write of some bytes; a later one (by `when`) wins.
crdt::value write(std::uint64_t when, std::size_t size = 1) {
  crdt::lww_register result;
  result.assign(replica, when, {crdt::payload_kind::bytes, std::string(size, 'x')});
  return result;
}

encoded_item state(const crdt::key& k, const crdt::value& v) {
  return {k, v.encode()};
}

/// The one effect of that kind; fails without it.
template <class Effect>
Effect only(const std::vector<effect>& effects) {
  EXPECT_EQ(effects.size(), 1u);
  if (effects.size() == 1)
    if (const auto* found = std::get_if<Effect>(&effects.front()))
      return *found;
  ADD_FAILURE() << "not the one effect that was expected";
  return {};
}

/// The one message that is to be sent.
message only_message(const std::vector<effect>& effects) {
  const auto sent = only<send_message>(effects);
  const auto result = decode_message(sent.bytes);
  if (const auto* m = std::get_if<message>(&result)) {
    EXPECT_EQ(m->to, sent.peer);
    return *m;
  }
  ADD_FAILURE() << std::get<wire::decode_error>(result).what;
  return {};
}

answer joined(const message& m) {
  return {m.to, m.from, m.sequence, verdict::joined};
}

using items = std::vector<item>;

class Gossip : public ::testing::Test {
protected:
  /// A peer that has everything that there is. (Nobody else lacks anything.)
  void add_current_peer(session_id peer) {
    core.add_peer(peer);
    only<list_keys>(core.round(0));
    EXPECT_TRUE(core.listed(peer, {}).empty());
    EXPECT_FALSE(status_of(peer).behind);
  }

  gossip::peer_status status_of(session_id peer) const {
    for (const auto& status : core.status())
      if (status.peer == peer)
        return status;
    ADD_FAILURE() << "no such peer";
    return {};
  }

  /// Which of its first rounds' draws picks a peer of two.
  static std::uint64_t draw(session_id peer) { return peer == bob ? 0 : 1; }

  gossip core{self, {.message_bytes = 200, .log_bytes = 1000}};
};

// -- a peer that is behind --

TEST_F(Gossip, SendsEverythingToANewPeer) {
  core.add_peer(bob);

  EXPECT_EQ(only<list_keys>(core.round(0)).peer, bob);

  const auto wanted = only<read_states>(core.listed(bob, {key("a"), key("b")}));
  EXPECT_EQ(wanted.peer, bob);
  EXPECT_EQ(wanted.keys, (std::vector{key("a"), key("b")}));

  const auto m =
      only_message(core.states_read(bob, {state(key("a"), write(1)), state(key("b"), write(2))}));
  EXPECT_EQ(m.from, self);
  EXPECT_EQ(m.to, bob);
  EXPECT_EQ(m.items, (items{{key("b"), write(2)}, {key("a"), write(1)}}));
  EXPECT_TRUE(status_of(bob).behind);

  EXPECT_TRUE(core.answered(bob, joined(m)).empty());
  EXPECT_FALSE(status_of(bob).behind);
  EXPECT_TRUE(core.rounds({}).empty()) << "it lacks nothing";
}

TEST_F(Gossip, SendsAWriteDuringATransferAfterIt) {
  core.add_peer(bob);
  core.round(0);
  core.record(key("a"), write(1), std::nullopt); // its state may be read before or after it
  core.listed(bob, {key("a")});
  core.record(key("a"), write(2), std::nullopt);
  const auto m = only_message(core.states_read(bob, {state(key("a"), write(1))}));
  core.record(key("b"), write(3), std::nullopt);

  EXPECT_TRUE(core.answered(bob, joined(m)).empty()) << "later entries wait for the next round";
  EXPECT_EQ(status_of(bob).pending, 3u);
  EXPECT_EQ(only_message(core.round(0)).items, (items{{key("a"), write(2)}, {key("b"), write(3)}}));
}

TEST_F(Gossip, DoesNotSendAgainWhatATransferIncluded) {
  add_current_peer(eve); // for whom the log is kept
  core.record(key("a"), write(1), std::nullopt);
  core.add_peer(bob);
  core.round(draw(bob));
  core.listed(bob, {key("a")});
  const auto m = only_message(core.states_read(bob, {state(key("a"), write(1))}));

  EXPECT_TRUE(core.answered(bob, joined(m)).empty());
  EXPECT_EQ(status_of(bob).pending, 0u);
  EXPECT_EQ(status_of(eve).pending, 1u);
}

TEST_F(Gossip, BringsAPeerUpToDateThatThereIsNothingToSendTo) {
  core.add_peer(bob);
  core.round(0);

  EXPECT_TRUE(core.listed(bob, {}).empty());
  EXPECT_FALSE(status_of(bob).behind);
}

TEST_F(Gossip, ReadsFewStatesAtATimeUntilAllAreSent) {
  std::vector<crdt::key> keys;
  for (int i = 0; i < 100; ++i)
    keys.push_back(key("k" + std::to_string(i)));
  core.add_peer(bob);
  core.round(0);
  auto effects = core.listed(bob, keys);

  std::size_t reads_max = 0;
  std::vector<crdt::key> sent;
  while (!effects.empty()) {
    ASSERT_EQ(effects.size(), 1u);
    if (const auto* wanted = std::get_if<read_states>(&effects.front())) {
      reads_max = std::max(reads_max, wanted->keys.size());
      std::vector<encoded_item> states;
      for (const auto& k : wanted->keys)
        states.push_back(state(k, write(1)));
      effects = core.states_read(bob, states);
    } else {
      const auto m = only_message(effects);
      for (const auto& i : m.items)
        sent.push_back(i.key);
      effects = core.answered(bob, joined(m));
    }
  }

  EXPECT_LE(reads_max, 16u);
  std::ranges::sort(keys);
  std::ranges::sort(sent);
  EXPECT_EQ(sent, keys);
  EXPECT_FALSE(status_of(bob).behind);
}

TEST_F(Gossip, GoesOnWhenAReadFindsNothing) {
  core.add_peer(bob);
  core.round(0);
  core.listed(bob, {key("a")});

  EXPECT_TRUE(core.states_read(bob, {}).empty());
  EXPECT_FALSE(status_of(bob).behind);
}

TEST_F(Gossip, CutsStatesIntoMessages) {
  core.add_peer(bob);
  core.round(0);
  core.listed(bob, {key("a"), key("b"), key("c"), key("d")});
  const auto third = state(key("x"), write(1, 20)); // with the overhead: 200 hold two of these
  ASSERT_GT(3 * third.size(), 200u);
  ASSERT_LE(2 * third.size(), 200u);

  const auto first = only_message(
      core.states_read(bob, {state(key("a"), write(1, 20)), state(key("b"), write(1, 20)),
                             state(key("c"), write(1, 20)), state(key("d"), write(1, 20))}));
  EXPECT_EQ(first.items, (items{{key("d"), write(1, 20)}, {key("c"), write(1, 20)}}));

  const auto second = only_message(core.answered(bob, joined(first)));
  EXPECT_EQ(second.items, (items{{key("b"), write(1, 20)}, {key("a"), write(1, 20)}}));
  EXPECT_GT(second.sequence, first.sequence);
}

TEST_F(Gossip, SendsAStateLargerThanAMessageAlone) {
  core.add_peer(bob);
  core.round(0);
  core.listed(bob, {key("a"), key("b"), key("c")});

  auto m = only_message(
      core.states_read(bob, {state(key("a"), write(1)), state(key("b"), write(1, 5000)),
                             state(key("c"), write(1))}));
  EXPECT_EQ(m.items, (items{{key("c"), write(1)}}));
  m = only_message(core.answered(bob, joined(m)));
  EXPECT_EQ(m.items, (items{{key("b"), write(1, 5000)}}));
  m = only_message(core.answered(bob, joined(m)));
  EXPECT_EQ(m.items, (items{{key("a"), write(1)}}));
}

TEST_F(Gossip, BeginsAFailedTransferAnew) {
  core.add_peer(bob);
  core.round(0);
  core.listed(bob, {key("a"), key("b")});
  core.states_read(bob, {state(key("a"), write(1, 150)), state(key("b"), write(1, 150))});

  core.failed(bob);

  EXPECT_TRUE(status_of(bob).behind);
  EXPECT_EQ(only<list_keys>(core.round(0)).peer, bob);
}

TEST_F(Gossip, BeginsAnewWhereverATransferFailed) {
  core.add_peer(bob);
  core.round(0);
  core.failed(bob); // while listing
  EXPECT_TRUE(core.listed(bob, {key("a")}).empty()) << "too late";

  core.round(0);
  core.listed(bob, {key("a")});
  core.failed(bob); // while reading
  EXPECT_TRUE(core.states_read(bob, {state(key("a"), write(1))}).empty()) << "too late";

  EXPECT_EQ(only<list_keys>(core.round(0)).peer, bob);
}

TEST_F(Gossip, TakesTheLogsEndAnewWhenATransferBeginsAnew) {
  core.add_peer(bob);
  core.round(0);
  core.failed(bob);
  core.record(key("a"), write(1), std::nullopt);
  EXPECT_EQ(core.log().size(), 0u) << "nobody waits for it: the next transfer has it";

  core.round(0);
  core.listed(bob, {key("a")});
  const auto m = only_message(core.states_read(bob, {state(key("a"), write(1))}));
  EXPECT_TRUE(core.answered(bob, joined(m)).empty());
  EXPECT_EQ(status_of(bob).pending, 0u);
}

// -- the log --

TEST_F(Gossip, SendsWhatIsNew) {
  add_current_peer(bob);
  core.record(key("a"), write(1), std::nullopt);

  const auto m = only_message(core.round(0));
  EXPECT_EQ(m.items, (items{{key("a"), write(1)}}));
  EXPECT_EQ(status_of(bob).pending, 1u);

  EXPECT_TRUE(core.answered(bob, joined(m)).empty());
  EXPECT_EQ(status_of(bob).pending, 0u);
  EXPECT_TRUE(core.rounds({}).empty());
}

TEST_F(Gossip, JoinsTheEntriesOfOneKey) {
  crdt::pn_counter counter;
  const crdt::key k{crdt::type::counter, "k"};
  add_current_peer(bob);
  core.record(k, *counter.add(replica, 1), std::nullopt);
  core.record(key("a"), write(1), std::nullopt);
  core.record(k, *counter.add(replica, 2), std::nullopt);

  EXPECT_EQ(only_message(core.round(0)).items, (items{{k, counter}, {key("a"), write(1)}}));
}

TEST_F(Gossip, SendsNothingBackToWhereItWasHeard) {
  add_current_peer(bob);
  core.record(key("a"), write(1), bob);
  core.record(key("b"), write(2), eve);
  core.record(key("c"), write(3), std::nullopt);
  core.record(key("d"), write(4), bob);

  const auto m = only_message(core.round(0));
  EXPECT_EQ(m.items, (items{{key("b"), write(2)}, {key("c"), write(3)}}));

  EXPECT_TRUE(core.answered(bob, joined(m)).empty());
  EXPECT_EQ(status_of(bob).pending, 0u);
}

TEST_F(Gossip, SendsOnlyWhatAPeerIsNotKnownToHave) {
  add_current_peer(bob);
  crdt::pn_counter counter;
  const crdt::key k{crdt::type::counter, "k"};
  const crdt::value known = *counter.add(crdt::replica_id::from(1, 1), 1);
  const crdt::value other = *counter.add(crdt::replica_id::from(2, 2), 2);
  core.record(k, counter, eve);
  core.record(key("a"), write(1), eve);

  core.heard(bob, {{k, known}, {key("a"), write(1)}});

  EXPECT_EQ(only_message(core.round(0)).items, (items{{k, other}}));
}

TEST_F(Gossip, WastesNoRoundOnAPeerThatHasItFromSomebodyElse) {
  add_current_peer(bob);
  core.record(key("a"), write(1), eve);

  core.heard(bob, {{key("a"), write(1)}});

  EXPECT_TRUE(core.rounds({}).empty());
  EXPECT_EQ(core.log().size(), 0u);
  core.heard(eve, {{key("a"), write(1)}}); // no peer of ours
}

TEST_F(Gossip, KeepsAPeerInStepThatHasWhatTheLogDrops) {
  add_current_peer(bob);
  add_current_peer(eve);
  for (std::uint64_t i = 1; i <= 10; ++i) {
    core.record(key("a"), write(i, 150), eve);
    EXPECT_LE(core.log().bytes(), 1000u);
  }
  core.round(0);

  EXPECT_TRUE(status_of(bob).behind);
  EXPECT_FALSE(status_of(eve).behind);
}

TEST_F(Gossip, SendsWhatWasHeardFromAnEarlierSessionOfThePeer) {
  core.add_peer(bob); // as now known at the address where eve was
  core.round(0);
  core.listed(bob, {});
  core.record(key("a"), write(1), eve);

  EXPECT_EQ(only_message(core.round(0)).items, (items{{key("a"), write(1)}}));
}

TEST_F(Gossip, KeepsNothingForAPeerThatItWasAllHeardFrom) {
  add_current_peer(bob);
  core.record(key("a"), write(1), bob);

  EXPECT_TRUE(core.rounds({}).empty());
  EXPECT_EQ(core.log().size(), 0u);
}

TEST_F(Gossip, CutsTheLogInItsOrderIntoMessages) {
  gossip small{self, {.message_bytes = 150, .log_bytes = 10'000}};
  small.add_peer(bob);
  small.round(0);
  small.listed(bob, {});
  // In the order of keys, or with the first key's entries together, the cuts would be others.
  const std::vector<std::string> order{"c", "a", "b", "c", "a", "b", "a", "c"};
  for (std::size_t i = 0; i < order.size(); ++i)
    small.record(key(order[i]), write(i + 1, 20), std::nullopt);
  const auto each = small.log().bytes() / order.size();
  ASSERT_LE(2 * each, 150u);
  ASSERT_GT(3 * each, 150u);

  auto effects = small.round(0);
  for (std::size_t i = 0; i < order.size(); i += 2) {
    const auto m = only_message(effects);
    items expected{{key(order[i]), write(i + 1, 20)}, {key(order[i + 1]), write(i + 2, 20)}};
    std::ranges::sort(expected, {}, &item::key);
    EXPECT_EQ(m.items, expected) << "entries " << i + 1 << " and " << i + 2;
    effects = small.answered(bob, joined(m));
  }
  EXPECT_TRUE(effects.empty());
}

TEST_F(Gossip, KeepsMessagesOfManySmallEntriesWithinTheirBound) {
  gossip core_{self, {.message_bytes = 500, .log_bytes = 100'000}};
  core_.add_peer(bob);
  core_.round(0);
  core_.listed(bob, {});
  for (int i = 0; i < 200; ++i)
    core_.record(key(std::to_string(i)), write(1, 0), std::nullopt);
  const auto head = encode(message{self, bob, UINT64_MAX, UINT64_MAX}, {}).size();

  std::size_t messages = 0;
  for (auto effects = core_.round(0); !effects.empty(); ++messages) {
    EXPECT_LE(only<send_message>(effects).bytes.size(), head + 500);
    effects = core_.answered(bob, joined(only_message(effects)));
  }
  EXPECT_GT(messages, 10u);
}

TEST_F(Gossip, SendsAnEntryLargerThanAMessageAlone) {
  add_current_peer(bob);
  core.record(key("a"), write(1), std::nullopt);
  core.record(key("b"), write(2, 500), std::nullopt);
  core.record(key("c"), write(3), std::nullopt);

  auto m = only_message(core.round(0));
  EXPECT_EQ(m.items, (items{{key("a"), write(1)}}));
  m = only_message(core.answered(bob, joined(m)));
  EXPECT_EQ(m.items, (items{{key("b"), write(2, 500)}}));
  m = only_message(core.answered(bob, joined(m)));
  EXPECT_EQ(m.items, (items{{key("c"), write(3)}}));
}

TEST_F(Gossip, LeavesEntriesRecordedDuringARoundToTheNext) {
  add_current_peer(bob);
  core.record(key("a"), write(1, 120), std::nullopt);
  core.record(key("b"), write(2, 120), std::nullopt);

  auto m = only_message(core.round(0));
  core.record(key("c"), write(3), std::nullopt);
  m = only_message(core.answered(bob, joined(m)));
  EXPECT_EQ(m.items, (items{{key("b"), write(2, 120)}}));
  EXPECT_TRUE(core.answered(bob, joined(m)).empty()) << "it has what the log held at first";

  EXPECT_EQ(only_message(core.round(0)).items, (items{{key("c"), write(3)}}));
}

// -- rounds and what is under way --

TEST_F(Gossip, HasOneEffectUnderWayToAPeer) {
  core.add_peer(bob);
  core.round(0);
  EXPECT_TRUE(core.round(0).empty()) << "it waits for the keys";

  core.listed(bob, {key("a")});
  EXPECT_TRUE(core.round(0).empty()) << "it waits for the states";

  core.states_read(bob, {state(key("a"), write(1))});
  EXPECT_TRUE(core.round(0).empty()) << "it waits for the answer";
}

TEST_F(Gossip, DrawsEachIdlePeerThatLacksSomethingWithEqualChance) {
  const session_id idle{4};
  const session_id busy{5};
  add_current_peer(bob);
  add_current_peer(eve);
  add_current_peer(idle);
  add_current_peer(busy);
  core.record(key("a"), write(1), std::nullopt);
  const auto to_idle = only_message(core.round(2));
  ASSERT_EQ(to_idle.to, idle);
  core.answered(idle, joined(to_idle)); // lacks nothing now
  ASSERT_EQ(only<send_message>(core.round(2)).peer, busy);

  std::map<session_id, int> drawn;
  for (std::uint64_t random = 0; random < 100; ++random) {
    auto copy = core;
    ++drawn[only<send_message>(copy.round(random)).peer];
  }
  EXPECT_EQ(drawn, (std::map<session_id, int>{{bob, 50}, {eve, 50}}));
}

TEST_F(Gossip, WaitsForNoPeerToServeAnother) {
  core.add_peer(bob);
  core.add_peer(eve);
  ASSERT_EQ(only<list_keys>(core.round(0)).peer, bob);

  EXPECT_EQ(only<list_keys>(core.round(0)).peer, eve);
}

TEST_F(Gossip, DoesNothingWithoutPeers) {
  core.record(key("a"), write(1), std::nullopt);

  EXPECT_TRUE(core.round(0).empty());
  EXPECT_TRUE(core.round(UINT64_MAX).empty());
}

TEST_F(Gossip, IsNoPeerOfItself) {
  core.add_peer(self);

  EXPECT_TRUE(core.status().empty());
}

TEST_F(Gossip, KeepsWhatItKnowsOfAPeerThatIsAddedTwice) {
  add_current_peer(bob);
  core.add_peer(bob);

  EXPECT_FALSE(status_of(bob).behind);
}

TEST_F(Gossip, SendsALostMessageAgainInALaterRound) {
  add_current_peer(bob);
  core.record(key("a"), write(1), std::nullopt);
  const auto lost = only_message(core.round(0));

  core.failed(bob);
  core.record(key("b"), write(2), std::nullopt);

  const auto again = only_message(core.round(0));
  EXPECT_EQ(again.items, (items{{key("a"), write(1)}, {key("b"), write(2)}}));
  EXPECT_GT(again.sequence, lost.sequence);
}

TEST_F(Gossip, SendsOnlyTheChunksAgainThatWereNotAcknowledged) {
  add_current_peer(bob);
  core.record(key("a"), write(1, 120), std::nullopt);
  core.record(key("b"), write(2, 120), std::nullopt);
  core.answered(bob, joined(only_message(core.round(0))));

  core.failed(bob);

  EXPECT_EQ(only_message(core.round(0)).items, (items{{key("b"), write(2, 120)}}));
}

// -- answers --

TEST_F(Gossip, LearnsFromAnAnswerThatAnotherSessionIsThere) {
  add_current_peer(bob);
  core.record(key("a"), write(1), std::nullopt);
  const auto m = only_message(core.round(0));

  const answer other{eve, self, m.sequence, verdict::other_session};
  ASSERT_TRUE(core.expects(bob, other));
  const auto changed = only<peer_changed>(core.answered(bob, other));

  EXPECT_EQ(changed.believed, bob);
  EXPECT_EQ(changed.present, eve);
  EXPECT_EQ(status_of(bob).pending, 1u) << "nothing was acknowledged";
  EXPECT_EQ(core.log().size(), 1u);
  EXPECT_EQ(only_message(core.round(0)).items, m.items) << "and it is not stuck";
}

TEST_F(Gossip, BelievesNoAcknowledgementOfAnotherSession) {
  add_current_peer(bob);
  core.record(key("a"), write(1), std::nullopt);
  const auto m = only_message(core.round(0));

  const answer from_another{eve, self, m.sequence, verdict::joined};
  const answer to_another{bob, eve, m.sequence, verdict::joined};
  const answer of_another_to_another{eve, bob, m.sequence, verdict::other_session};
  for (const auto& a : {from_another, to_another, of_another_to_another}) {
    EXPECT_FALSE(core.expects(bob, a));
    EXPECT_TRUE(core.answered(bob, a).empty());
    EXPECT_EQ(status_of(bob).pending, 1u);
  }
  EXPECT_TRUE(core.expects(bob, joined(m))) << "it still waits for the right one";
}

TEST_F(Gossip, IgnoresAnswersThatItDoesNotWaitFor) {
  add_current_peer(bob);
  core.record(key("a"), write(1, 120), std::nullopt);
  core.record(key("b"), write(2, 120), std::nullopt);
  const auto first = only_message(core.round(0));
  const auto second = only_message(core.answered(bob, joined(first)));

  EXPECT_FALSE(core.expects(bob, joined(first))) << "a duplicate";
  EXPECT_TRUE(core.answered(bob, joined(first)).empty());
  EXPECT_EQ(status_of(bob).pending, 1u);

  core.failed(bob);
  EXPECT_FALSE(core.expects(bob, joined(second))) << "too late";
  EXPECT_TRUE(core.answered(bob, joined(second)).empty());
  EXPECT_EQ(status_of(bob).pending, 1u);

  EXPECT_FALSE(core.expects(eve, joined(second))) << "not a peer";
  EXPECT_TRUE(core.answered(eve, joined(second)).empty());
}

TEST_F(Gossip, IgnoresReportsOfPeersThatAreGone) {
  core.failed(bob);
  EXPECT_TRUE(core.listed(bob, {key("a")}).empty());
  EXPECT_TRUE(core.states_read(bob, {}).empty());
  core.remove_peer(bob);
}

// -- peers that are gone, for now or for good --

TEST_F(Gossip, StartsNoRoundWithAPeerThatIsGone) {
  add_current_peer(bob);
  add_current_peer(eve);
  core.remove_peer(bob);
  core.record(key("a"), write(1), std::nullopt);

  EXPECT_EQ(only_message(core.round(0)).to, eve);
  EXPECT_TRUE(core.round(1).empty());
  EXPECT_TRUE(core.rounds({}).empty());
}

TEST_F(Gossip, ComesBackInStepWhenTheLogReachesBack) {
  add_current_peer(bob);
  add_current_peer(eve);
  core.remove_peer(bob);
  core.record(key("a"), write(1), std::nullopt); // eve lacks it, so it stays

  core.add_peer(bob);

  EXPECT_FALSE(status_of(bob).behind);
  EXPECT_EQ(only_message(core.round(draw(bob))).items, (items{{key("a"), write(1)}}));
}

TEST_F(Gossip, ComesBackBehindWhenTheLogNoLongerReachesBack) {
  add_current_peer(bob);
  core.remove_peer(bob);
  core.record(key("a"), write(1), std::nullopt); // nobody waits for it

  core.add_peer(bob);

  EXPECT_TRUE(status_of(bob).behind);
  EXPECT_EQ(only<list_keys>(core.round(0)).peer, bob);
}

TEST_F(Gossip, TakesTheAnswerToWhatWasUnderWayWhenAPeerWasGone) {
  add_current_peer(bob);
  core.record(key("a"), write(1), std::nullopt);
  const auto m = only_message(core.round(0));

  core.remove_peer(bob);
  EXPECT_TRUE(core.is_quiet()) << "nobody waits for those who are gone";
  ASSERT_TRUE(core.expects(bob, joined(m)));
  EXPECT_TRUE(core.answered(bob, joined(m)).empty());
  core.add_peer(bob);

  EXPECT_FALSE(status_of(bob).behind);
  EXPECT_EQ(status_of(bob).pending, 0u);
}

TEST_F(Gossip, GoesOnWithAMessageWhenItsPeerIsBackBeforeTheAnswer) {
  add_current_peer(bob);
  core.record(key("a"), write(1), std::nullopt);
  const auto m = only_message(core.round(0));

  core.remove_peer(bob);
  core.add_peer(bob);

  EXPECT_TRUE(core.round(0).empty()) << "one effect at a time";
  EXPECT_TRUE(core.answered(bob, joined(m)).empty());
  EXPECT_EQ(status_of(bob).pending, 0u);
}

TEST_F(Gossip, GoesOnWithATransferWhenItsPeerIsBackBeforeTheReport) {
  core.add_peer(bob);
  core.round(0);
  core.remove_peer(bob);
  core.add_peer(bob);
  EXPECT_TRUE(core.round(0).empty()) << "one effect at a time";

  only<read_states>(core.listed(bob, {key("a")}));
  core.remove_peer(bob);
  core.add_peer(bob);
  const auto m = only_message(core.states_read(bob, {state(key("a"), write(1))}));

  EXPECT_TRUE(core.answered(bob, joined(m)).empty());
  EXPECT_FALSE(status_of(bob).behind);
}

TEST_F(Gossip, EndsATransferToAPeerThatIsGone) {
  for (const int reports : {0, 1, 2}) { // before it is gone
    gossip fresh{self, {.message_bytes = 200, .log_bytes = 1000}};
    fresh.add_peer(bob);
    fresh.round(0);
    if (reports > 0)
      fresh.listed(bob, {key("a")});
    std::optional<message> m;
    if (reports > 1)
      m = only_message(fresh.states_read(bob, {state(key("a"), write(1))}));
    fresh.remove_peer(bob);

    if (reports == 0)
      EXPECT_TRUE(fresh.listed(bob, {key("a")}).empty());
    else if (reports == 1)
      EXPECT_TRUE(fresh.states_read(bob, {state(key("a"), write(1))}).empty());
    else
      EXPECT_TRUE(fresh.answered(bob, joined(*m)).empty());

    fresh.add_peer(bob);
    EXPECT_EQ(only<list_keys>(fresh.round(0)).peer, bob) << "it begins anew";
  }
}

TEST_F(Gossip, AnAnswerFromBeforeAPeerWasForgottenAcknowledgesNothing) {
  add_current_peer(bob);
  core.record(key("a"), write(1), std::nullopt);
  const auto before = only_message(core.round(0));
  core.failed(bob);
  core.remove_peer(bob); // forgotten: the log does not reach back
  core.add_peer(bob);
  core.round(0);
  core.listed(bob, {key("b")});
  const auto after = only_message(core.states_read(bob, {state(key("b"), write(2))}));

  EXPECT_FALSE(core.expects(bob, joined(before)));
  EXPECT_TRUE(core.expects(bob, joined(after)));
}

TEST_F(Gossip, RemembersABoundedNumberOfPeersThatAreGone) {
  add_current_peer(eve); // for whom the log is kept
  core.record(key("a"), write(1), std::nullopt);
  std::vector<session_id> gone;
  for (std::uint64_t i = 0; i < gossip::gone_max + 10; ++i)
    gone.push_back({100 + i});
  for (const auto peer : gone) {
    core.add_peer(peer);
    EXPECT_EQ(only<list_keys>(core.round(draw(peer))).peer, peer);
    core.listed(peer, {});
    core.remove_peer(peer);
  }

  std::size_t in_step = 0;
  for (const auto peer : gone) {
    core.add_peer(peer);
    in_step += status_of(peer).behind ? 0 : 1;
  }
  EXPECT_EQ(in_step, gossip::gone_max);
}

// -- what is kept --

TEST_F(Gossip, KeepsNothingWithoutPeers) {
  core.record(key("a"), write(1), std::nullopt);

  EXPECT_EQ(core.log().size(), 0u);
  EXPECT_EQ(core.log().last(), 1u);
}

TEST_F(Gossip, KeepsNothingForPeersThatAreBehind) {
  core.add_peer(bob);
  core.record(key("a"), write(1), std::nullopt);

  EXPECT_EQ(core.log().size(), 0u);
}

TEST_F(Gossip, KeepsAnEntryUntilTheLastPeerHasIt) {
  add_current_peer(bob);
  add_current_peer(eve);
  core.record(key("a"), write(1), std::nullopt);

  core.answered(bob, joined(only_message(core.round(draw(bob)))));
  EXPECT_EQ(core.log().size(), 1u);

  core.answered(eve, joined(only_message(core.round(0)))); // the only one that lacks something
  EXPECT_EQ(core.log().size(), 0u);
}

TEST_F(Gossip, KeepsNothingForAPeerThatWasRemoved) {
  add_current_peer(bob);
  add_current_peer(eve);
  core.record(key("a"), write(1), std::nullopt);
  core.answered(bob, joined(only_message(core.round(draw(bob)))));

  core.remove_peer(eve);

  EXPECT_EQ(core.log().size(), 0u);
  EXPECT_EQ(core.status().size(), 1u);
}

TEST_F(Gossip, SendsWholeStatesWhenTheLogNoLongerReachesBack) {
  add_current_peer(bob);
  for (std::uint64_t i = 1; i <= 10; ++i)
    core.record(key("a"), write(i, 150), std::nullopt);
  EXPECT_LE(core.log().bytes(), 1000u);

  EXPECT_EQ(only<list_keys>(core.round(0)).peer, bob);
  EXPECT_TRUE(status_of(bob).behind);

  core.listed(bob, {key("a")});
  const auto m = only_message(core.states_read(bob, {state(key("a"), write(10, 150))}));
  EXPECT_TRUE(core.answered(bob, joined(m)).empty());
  EXPECT_FALSE(status_of(bob).behind);
  EXPECT_EQ(core.log().bytes(), 0u);
}

TEST_F(Gossip, BeginsAnewWhenTheLogOutrunsATransfer) {
  core.add_peer(bob);
  core.round(0);
  core.listed(bob, {key("a")});
  const auto m = only_message(core.states_read(bob, {state(key("a"), write(1))}));
  for (std::uint64_t i = 2; i <= 10; ++i)
    core.record(key("a"), write(i, 150), std::nullopt);

  EXPECT_EQ(only<list_keys>(core.answered(bob, joined(m))).peer, bob);
  EXPECT_TRUE(status_of(bob).behind);
}

TEST_F(Gossip, BeginsATransferWhenTheLogOutrunsAMessage) {
  add_current_peer(bob);
  core.record(key("a"), write(1), std::nullopt);
  const auto m = only_message(core.round(0));
  for (std::uint64_t i = 2; i <= 10; ++i)
    core.record(key("a"), write(i, 150), std::nullopt);

  EXPECT_EQ(only<list_keys>(core.answered(bob, joined(m))).peer, bob);
}

TEST_F(Gossip, AcknowledgesWhatWasSentThoughTheLogDroppedItMeanwhile) {
  gossip small{self, {.message_bytes = 1000, .log_bytes = 200}};
  small.add_peer(bob);
  small.round(0);
  small.listed(bob, {});
  small.record(key("a"), write(1, 100), std::nullopt);
  const auto m = only_message(small.round(0));
  small.record(key("b"), write(2, 100), std::nullopt); // the first entry goes
  ASSERT_EQ(small.log().size(), 1u);

  EXPECT_TRUE(small.answered(bob, joined(m)).empty());
  EXPECT_EQ(only_message(small.round(0)).items, (items{{key("b"), write(2, 100)}}));
}

TEST_F(Gossip, WastesNoRoundOnAPeerThatToldUsAllThatIsNew) {
  add_current_peer(bob);
  add_current_peer(eve);
  core.record(key("a"), write(1), bob);

  for (std::uint64_t random = 0; random < 2; ++random) {
    const auto m = only_message(core.round(random));
    EXPECT_EQ(m.to, eve);
    core.failed(eve);
  }
  core.answered(eve, joined(only_message(core.round(0))));
  EXPECT_TRUE(core.rounds({}).empty());
  EXPECT_EQ(core.log().size(), 0u);
}

TEST_F(Gossip, HandsOnEverythingToEverybodyBeforeAStop) {
  add_current_peer(bob);
  add_current_peer(eve);
  core.record(key("a"), write(1), std::nullopt);

  const auto effects = core.rounds({});
  ASSERT_EQ(effects.size(), 2u);
  EXPECT_FALSE(core.is_quiet());
  EXPECT_TRUE(core.rounds({}).empty()) << "both are busy";

  EXPECT_TRUE(core.answered(bob, joined(only_message({effects[0]}))).empty());
  core.failed(eve);
  EXPECT_TRUE(core.is_quiet());
  EXPECT_TRUE(core.rounds({eve}).empty()) << "bob has everything, and eve failed";
  EXPECT_EQ(core.rounds({}).size(), 1u);
}

TEST_F(Gossip, FillsAMessageWithManyStates) {
  gossip small{self, {.message_bytes = 1000, .log_bytes = 1000}};
  small.add_peer(bob);
  small.round(0);
  std::vector<crdt::key> keys;
  for (int i = 0; i < 100; ++i)
    keys.push_back(key("k" + std::to_string(i)));

  auto effects = small.listed(bob, keys);
  std::size_t messages = 0;
  std::size_t states = 0;
  while (!effects.empty()) {
    if (const auto* wanted = std::get_if<read_states>(&effects.front())) {
      std::vector<encoded_item> read;
      for (const auto& k : wanted->keys)
        read.push_back({k, write(1).encode()});
      effects = small.states_read(bob, read);
    } else {
      const auto m = only_message({effects.front()});
      ++messages;
      states += m.items.size();
      effects = small.answered(bob, joined(m));
    }
  }
  EXPECT_EQ(states, 100u);
  const auto state_bytes = encoded_item{key("k00"), write(1).encode()}.size();
  EXPECT_LE(messages, 100 * state_bytes / 1000 * 2 + 1) << "on average at least half full";
}

// -- what others send --

TEST_F(Gossip, TakesOnlyMessagesForThisSession) {
  const message ours{bob, self, 4};
  const message foreign{bob, eve, 4};

  EXPECT_TRUE(core.is_for_us(ours));
  EXPECT_FALSE(core.is_for_us(foreign));
  EXPECT_EQ(core.joined(ours).bytes, encode(answer{self, bob, 4, verdict::joined}));
  EXPECT_EQ(core.refused(foreign), encode(answer{self, bob, 4, verdict::other_session}));
}

// -- push-pull --

class GossipPushPull : public Gossip {
protected:
  GossipPushPull() {
    add_current_peer(bob);
    add_current_peer(eve);
  }

  /// What the core answers.
  answer answer_of(const message& m) {
    const auto reply = core.joined(m);
    const auto decoded = decode_answer(reply.bytes);
    EXPECT_EQ(reply.items, std::get<answer>(decoded).items.size());
    return std::get<answer>(decoded);
  }

  /// A message of bob's.
  message says(phase p, std::uint64_t acknowledged = 0) {
    return {bob, self, ++said_, acknowledged, p};
  }

private:
  std::uint64_t said_ = 0;
};

TEST_F(GossipPushPull, AnAnswerOffersWhatThePeerLacks) {
  core.record(key("a"), write(1), std::nullopt);
  core.record(key("b"), write(1), bob);

  const auto a = answer_of(says(phase::tells));

  EXPECT_NE(a.offer, 0u);
  EXPECT_EQ(a.items, (items{{key("a"), write(1)}}));
  EXPECT_EQ(status_of(bob).pending, 2u) << "it may be lost";
  EXPECT_EQ(answer_of(says(phase::tells)).items, a.items) << "so it is offered again";
}

TEST_F(GossipPushPull, AnOfferIsAcknowledgedByTheNextMessage) {
  core.record(key("a"), write(1), std::nullopt);
  const auto a = answer_of(says(phase::tells));

  const auto end = answer_of(says(phase::goes_on, a.offer));

  EXPECT_EQ(end.offer, 0u);
  EXPECT_EQ(status_of(bob).pending, 0u);
  EXPECT_EQ(status_of(eve).pending, 1u);
}

TEST_F(GossipPushPull, OnlyTheLatestOfferIsAcknowledgedAndOnlyByItsReceiver) {
  core.record(key("a"), write(1), std::nullopt);
  const auto first = answer_of(says(phase::tells));
  core.record(key("b"), write(1), std::nullopt);
  const auto second = answer_of(says(phase::tells));
  ASSERT_NE(first.offer, second.offer);

  answer_of(says(phase::goes_on, first.offer));
  EXPECT_EQ(status_of(bob).pending, 2u);
  core.joined(message{eve, self, 1, second.offer});
  EXPECT_EQ(status_of(eve).pending, 2u);
  EXPECT_EQ(status_of(bob).pending, 2u);
  answer_of(says(phase::goes_on, second.offer));
  EXPECT_EQ(status_of(bob).pending, 0u);
}

TEST_F(GossipPushPull, OffersAreCutIntoMessagesAndEndWithWhatThereWasAtTheBegin) {
  for (int i = 0; i < 6; ++i)
    core.record(key(std::string(1, static_cast<char>('a' + i))), write(1, 60), std::nullopt);

  auto a = answer_of(says(phase::tells));
  std::size_t offered = a.items.size();
  EXPECT_LT(offered, 6u);
  while (a.offer != 0) {
    core.record(key("z"), write(2), std::nullopt); // it goes on and on
    a = answer_of(says(phase::goes_on, a.offer));
    offered += a.items.size();
    ASSERT_LE(offered, 6u);
  }

  EXPECT_EQ(offered, 6u);
}

TEST_F(GossipPushPull, NothingIsOfferedThatIsOnItsWay) {
  core.record(key("a"), write(1), std::nullopt);
  const auto m = only_message(core.round(draw(bob)));

  EXPECT_EQ(answer_of(says(phase::tells)).offer, 0u);

  core.answered(bob, joined(m));
  core.record(key("b"), write(1), std::nullopt);
  EXPECT_EQ(answer_of(says(phase::tells)).items, (items{{key("b"), write(1)}}));
}

TEST_F(GossipPushPull, NothingIsOfferedToAStrangerNorToOneWhoIsBehindOrGone) {
  core.record(key("a"), write(1), std::nullopt);
  const session_id mallory{66};
  EXPECT_EQ(core.joined(message{mallory, self, 1, 0, phase::asks}).items, 0u);
  core.add_peer(mallory);
  EXPECT_EQ(core.joined(message{mallory, self, 2, 0, phase::asks}).items, 0u) << "it is behind";
  core.remove_peer(bob);
  EXPECT_EQ(answer_of(says(phase::tells)).offer, 0u);
}

TEST_F(GossipPushPull, WhereRoundsGoToAllOnlyWhoAsksIsOffered) {
  gossip all{self, {.fanout = 1}};
  all.add_peer(bob);
  all.round(0);
  all.listed(bob, {});
  all.record(key("a"), write(1), std::nullopt);

  EXPECT_EQ(all.joined(says(phase::tells)).items, 0u) << "bob is told in the next round";
  EXPECT_EQ(all.joined(says(phase::asks)).items, 1u);
}

TEST_F(GossipPushPull, WhatAnAnswerOfferedIsAcknowledgedAtOnce) {
  core.record(key("a"), write(1), std::nullopt);
  const auto m = only_message(core.round(draw(bob)));
  EXPECT_EQ(m.phase, phase::tells);
  EXPECT_EQ(m.acknowledged, 0u);
  auto a = joined(m);
  a.offer = 77;

  const auto next = only_message(core.answered(bob, a));

  EXPECT_EQ(next.acknowledged, 77u);
  EXPECT_EQ(next.phase, phase::goes_on);
  EXPECT_EQ(next.items, items{});
  EXPECT_TRUE(core.answered(bob, joined(next)).empty());
}

TEST_F(GossipPushPull, AnAcknowledgementThatIsLostIsGivenLater) {
  const auto m = only_message(core.round(0));
  auto a = joined(m);
  a.offer = 77;
  only_message(core.answered(m.to, a));
  core.failed(m.to);

  core.record(key("a"), write(1), std::nullopt);
  const auto later = only_message(core.round(draw(m.to)));
  EXPECT_EQ(later.to, m.to);
  EXPECT_EQ(later.acknowledged, 77u);
  EXPECT_TRUE(core.answered(m.to, joined(later)).empty());

  core.record(key("b"), write(1), std::nullopt);
  core.remove_peer(m.to == bob ? eve : bob);
  EXPECT_EQ(only_message(core.round(0)).acknowledged, 0u) << "once is enough";
}

TEST_F(GossipPushPull, ARoundAsksSomebodyWhenNobodyLacksAnything) {
  std::set<session_id> asked;
  for (std::uint64_t random = 0; random < 4; ++random) {
    const auto m = only_message(core.round(random));
    EXPECT_EQ(m.phase, phase::asks);
    EXPECT_EQ(m.items, items{});
    EXPECT_TRUE(core.answered(m.to, joined(m)).empty());
    asked.insert(m.to);
  }
  EXPECT_EQ(asked, (std::set{bob, eve}));
  EXPECT_TRUE(core.rounds({}).empty()) << "before a stop there is nothing to ask";

  only_message(core.round(0));
  only_message(core.round(0));
  EXPECT_TRUE(core.round(0).empty()) << "both are busy";
}

} // namespace
} // namespace starling::replication
