#include "gossip_fixture.hpp"

#include <algorithm>
#include <map>
#include <set>

namespace starling::replication {
namespace {

class Gossip : public gossip_test {};

TEST_F(Gossip, SendsWhatIsNew) {
  add_current_peer(bob);
  record(key("a"), write(1));

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
  record(k, *counter.add(replica, 1));
  record(key("a"), write(1));
  record(k, *counter.add(replica, 2));

  EXPECT_EQ(only_message(core.round(0)).items, (items{{k, counter}, {key("a"), write(1)}}));
}

TEST_F(Gossip, SendsLargeDeltasOfASetSideBySideInTheOrderOfTheLog) {
  gossip large{self, {}, digests};
  add_current_peer(large, bob);
  make_room(large, bob);
  const crdt::key fruits{crdt::type::set, "fruits"};
  crdt::or_set whole;
  items sent;
  for (const std::size_t bytes : {1, 2, 17'000, 18'000, 3}) {
    sent.push_back(
        {fruits, *whole.add(replica, {crdt::payload_kind::bytes, std::string(bytes, 'x')})});
    record(large, fruits, sent.back().part);
  }
  sent[0].part.join(sent[1].part); // the small ones
  sent.erase(sent.begin() + 1);
  EXPECT_EQ(only_message(large.round(0)).items, sent);
}

TEST_F(Gossip, JoinsLargeWritesOfARegister) {
  gossip large{self, {}, digests};
  add_current_peer(large, bob);
  make_room(large, bob);
  record(large, key("b"), write(1, 17'000));
  record(large, key("b"), write(2, 18'000));
  EXPECT_EQ(only_message(large.round(0)).items, (items{{key("b"), write(2, 18'000)}}));
}

TEST_F(Gossip, SendsNothingBackToWhereItWasHeard) {
  add_current_peer(bob);
  record(key("a"), write(1), bob);
  record(key("b"), write(2), eve);
  record(key("c"), write(3));
  record(key("d"), write(4), bob);

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
  record(k, counter, eve);
  record(key("a"), write(1), eve);

  hear(bob, {{k, known}, {key("a"), write(1)}});

  EXPECT_EQ(only_message(core.round(0)).items, (items{{k, other}}));
}

TEST_F(Gossip, WastesNoRoundOnAPeerThatHasItFromSomebodyElse) {
  add_current_peer(bob);
  record(key("a"), write(1), eve);

  hear(bob, {{key("a"), write(1)}});

  EXPECT_TRUE(core.rounds({}).empty());
  EXPECT_EQ(core.log().size(), 0u);
  hear(eve, {{key("a"), write(1)}}); // no peer of ours
}

TEST_F(Gossip, KeepsAPeerInStepThatHasWhatTheLogDrops) {
  add_current_peer(bob);
  add_current_peer(eve);
  for (std::uint64_t i = 1; i <= 10; ++i) {
    record(key("a"), write(i, 150), eve);
    EXPECT_LE(core.log().bytes(), 2500u);
  }
  core.round(0);

  EXPECT_TRUE(status_of(bob).behind);
  EXPECT_FALSE(status_of(eve).behind);
}

TEST_F(Gossip, SendsWhatWasHeardFromAnEarlierSessionOfThePeer) {
  add_current_peer(bob); // as now known at the address where eve was
  record(key("a"), write(1), eve);

  EXPECT_EQ(only_message(core.round(0)).items, (items{{key("a"), write(1)}}));
}

TEST_F(Gossip, KeepsNothingForAPeerThatItWasAllHeardFrom) {
  add_current_peer(bob);
  record(key("a"), write(1), bob);

  EXPECT_TRUE(core.rounds({}).empty());
  EXPECT_EQ(core.log().size(), 0u);
}

TEST_F(Gossip, CutsTheLogInItsOrderIntoMessages) {
  gossip small{self, {.message_bytes = 150, .log_bytes = 10'000}, digests};
  add_current_peer(small, bob);
  // In the order of keys, or with the first key's entries together, the cuts would be others.
  const std::vector<std::string> order{"c", "a", "b", "c", "a", "b", "a", "c"};
  for (std::size_t i = 0; i < order.size(); ++i)
    record(small, key(order[i]), write(i + 1, 20));
  const auto each = encoded_size(key("a"), write(1, 20).encode());
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
  gossip core_{self, {.message_bytes = 500, .log_bytes = 100'000}, digests};
  add_current_peer(core_, bob);
  for (int i = 0; i < 200; ++i)
    record(core_, key(std::to_string(i)), write(1, 0));
  const auto head = encode(message{self, bob, UINT64_MAX, UINT64_MAX}, {}).size();

  std::size_t messages = 0;
  for (auto effects = core_.round(0); !effects.empty(); ++messages) {
    EXPECT_LE(only<send_message>(effects).bytes.size(), head + 500);
    effects = core_.answered(bob, joined(only_message(effects)));
  }
  EXPECT_GT(messages, 10u);
}

TEST_F(Gossip, LeavesEntriesRecordedDuringARoundToTheNext) {
  add_current_peer(bob);
  record(key("a"), write(1, 120));
  record(key("b"), write(2, 120));

  auto m = only_message(core.round(0));
  record(key("c"), write(3));
  m = only_message(core.answered(bob, joined(m)));
  EXPECT_EQ(m.items, (items{{key("b"), write(2, 120)}}));
  EXPECT_TRUE(core.answered(bob, joined(m)).empty()) << "it has what the log held at first";

  EXPECT_EQ(only_message(core.round(0)).items, (items{{key("c"), write(3)}}));
}

// -- rounds and what is under way --

TEST_F(Gossip, DrawsEachIdlePeerThatLacksSomethingWithEqualChance) {
  const session_id idle{4};
  const session_id busy{5};
  add_current_peer(bob);
  add_current_peer(eve);
  add_current_peer(idle);
  add_current_peer(busy);
  record(key("a"), write(1));
  const auto to_idle = only_message(core.round(2));
  ASSERT_EQ(to_idle.to, idle);
  core.answered(idle, joined(to_idle)); // lacks nothing now
  ASSERT_EQ(only<send_message>(core.round(2)).peer, busy);

  std::map<session_id, int> drawn;
  for (std::uint64_t random = 0; random < 100; ++random) {
    const auto peer = only<send_message>(core.round(random)).peer;
    ++drawn[peer];
    core.failed(peer);
  }
  EXPECT_EQ(drawn, (std::map<session_id, int>{{bob, 50}, {eve, 50}}));
}

TEST_F(Gossip, DoesNothingWithoutPeers) {
  record(key("a"), write(1));

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
  record(key("a"), write(1));
  const auto lost = only_message(core.round(0));

  core.failed(bob);
  record(key("b"), write(2));

  const auto again = only_message(core.round(0));
  EXPECT_EQ(again.items, (items{{key("a"), write(1)}, {key("b"), write(2)}}));
  EXPECT_GT(again.sequence, lost.sequence);
}

TEST_F(Gossip, SendsOnlyTheChunksAgainThatWereNotAcknowledged) {
  add_current_peer(bob);
  record(key("a"), write(1, 120));
  record(key("b"), write(2, 120));
  core.answered(bob, joined(only_message(core.round(0))));

  core.failed(bob);

  EXPECT_EQ(only_message(core.round(0)).items, (items{{key("b"), write(2, 120)}}));
}

// -- answers --

TEST_F(Gossip, LearnsFromAnAnswerThatAnotherSessionIsThere) {
  add_current_peer(bob);
  record(key("a"), write(1));
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
  record(key("a"), write(1));
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
  record(key("a"), write(1, 120));
  record(key("b"), write(2, 120));
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
  EXPECT_TRUE(core.states_read(bob, {}).empty());
  core.remove_peer(bob);
}

// -- peers that are gone, for now or for good --

TEST_F(Gossip, StartsNoRoundWithAPeerThatIsGone) {
  add_current_peer(bob);
  add_current_peer(eve);
  core.remove_peer(bob);
  record(key("a"), write(1));

  EXPECT_EQ(only_message(core.round(0)).to, eve);
  EXPECT_TRUE(core.round(1).empty());
  EXPECT_TRUE(core.rounds({}).empty());
}

TEST_F(Gossip, ComesBackInStepWhenTheLogReachesBack) {
  add_current_peer(bob);
  add_current_peer(eve);
  core.remove_peer(bob);
  record(key("a"), write(1)); // eve lacks it, so it stays

  core.add_peer(bob);

  EXPECT_FALSE(status_of(bob).behind);
  EXPECT_EQ(only_message(core.round(draw(bob))).items, (items{{key("a"), write(1)}}));
}

TEST_F(Gossip, ComesBackBehindWhenTheLogNoLongerReachesBack) {
  add_current_peer(bob);
  core.remove_peer(bob);
  record(key("a"), write(1)); // nobody waits for it

  core.add_peer(bob);

  EXPECT_TRUE(status_of(bob).behind);
  EXPECT_EQ(only_walk(core.round(0)).to, bob);
}

TEST_F(Gossip, TakesTheAnswerToWhatWasUnderWayWhenAPeerWasGone) {
  add_current_peer(bob);
  record(key("a"), write(1));
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
  record(key("a"), write(1));
  const auto m = only_message(core.round(0));

  core.remove_peer(bob);
  core.add_peer(bob);

  EXPECT_TRUE(core.round(0).empty()) << "one effect at a time";
  EXPECT_TRUE(core.answered(bob, joined(m)).empty());
  EXPECT_EQ(status_of(bob).pending, 0u);
}

TEST_F(Gossip, AnAnswerFromBeforeAPeerWasForgottenAcknowledgesNothing) {
  add_current_peer(bob);
  record(key("a"), write(1));
  const auto before = only_message(core.round(0));
  core.failed(bob);
  core.remove_peer(bob); // forgotten: the log does not reach back
  core.add_peer(bob);
  const auto after = only_walk(core.round(0));

  EXPECT_FALSE(core.expects(bob, joined(before)));
  EXPECT_TRUE(core.expects(bob, joined(after)));
}

TEST_F(Gossip, RemembersABoundedNumberOfPeersThatAreGone) {
  add_current_peer(eve); // for whom the log is kept
  record(key("a"), write(1));
  std::vector<session_id> gone;
  for (std::uint64_t i = 0; i < gossip::gone_max + 10; ++i)
    gone.push_back({100 + i});
  for (const auto peer : gone) {
    core.add_peer(peer);
    const auto m = only_walk(core.round(draw(peer)));
    EXPECT_EQ(m.to, peer);
    core.answered(peer, same(m, core));
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
  record(key("a"), write(1));

  EXPECT_EQ(core.log().size(), 0u);
  EXPECT_EQ(core.log().last(), 1u);
}

TEST_F(Gossip, KeepsNothingForPeersThatAreBehindAndDoNotAnswer) {
  core.add_peer(bob);
  only_message(core.round(0));
  core.failed(bob);
  record(key("a"), write(1));

  EXPECT_EQ(core.log().size(), 0u);
}

TEST_F(Gossip, KeepsForPeersThatAreBehindOnlySoMuchToBeToldEarly) {
  gossip roomy{self, {.message_bytes = 200}, digests};
  roomy.add_peer(bob);
  for (std::uint64_t i = 1; i <= 2000; ++i)
    record(roomy, key("a"), write(i));

  EXPECT_EQ(roomy.log().size(), 1024u);
}

TEST_F(Gossip, KeepsAnEntryUntilTheLastPeerHasIt) {
  add_current_peer(bob);
  add_current_peer(eve);
  record(key("a"), write(1));

  core.answered(bob, joined(only_message(core.round(draw(bob)))));
  EXPECT_EQ(core.log().size(), 1u);

  core.answered(eve, joined(only_message(core.round(0)))); // the only one that lacks something
  EXPECT_EQ(core.log().size(), 0u);
}

TEST_F(Gossip, KeepsNothingForAPeerThatWasRemoved) {
  add_current_peer(bob);
  add_current_peer(eve);
  record(key("a"), write(1));
  core.answered(bob, joined(only_message(core.round(draw(bob)))));

  core.remove_peer(eve);

  EXPECT_EQ(core.log().size(), 0u);
  EXPECT_EQ(core.status().size(), 1u);
}

TEST_F(Gossip, WalksOverAllKeysWhenTheLogNoLongerReachesBack) {
  add_current_peer(bob);
  for (std::uint64_t i = 1; i <= 10; ++i)
    record(key("a"), write(i, 150));
  EXPECT_LE(core.log().bytes(), 2500u);

  const auto m = only_walk(core.round(0));
  EXPECT_TRUE(status_of(bob).behind);

  EXPECT_TRUE(core.answered(bob, same(m, core)).empty());
  EXPECT_FALSE(status_of(bob).behind);
  EXPECT_EQ(core.log().bytes(), 0u);
}

TEST_F(Gossip, BeginsAWalkWhenTheLogOutrunsAMessage) {
  add_current_peer(bob);
  record(key("a"), write(1));
  const auto m = only_message(core.round(0));
  for (std::uint64_t i = 2; i <= 10; ++i)
    record(key("a"), write(i, 150));

  EXPECT_EQ(only_walk(core.answered(bob, joined(m))).to, bob);
}

TEST_F(Gossip, AcknowledgesWhatWasSentThoughTheLogDroppedItMeanwhile) {
  gossip small{self, {.message_bytes = 1000, .log_bytes = 500}, digests};
  add_current_peer(small, bob);
  record(small, key("a"), write(1, 100));
  const auto m = only_message(small.round(0));
  record(small, key("b"), write(2, 100)); // the first entry goes
  ASSERT_EQ(small.log().size(), 1u);

  EXPECT_TRUE(small.answered(bob, joined(m)).empty());
  EXPECT_EQ(only_message(small.round(0)).items, (items{{key("b"), write(2, 100)}}));
}

TEST_F(Gossip, WastesNoRoundOnAPeerThatToldUsAllThatIsNew) {
  add_current_peer(bob);
  add_current_peer(eve);
  record(key("a"), write(1), bob);

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
  record(key("a"), write(1));

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

TEST_F(Gossip, SendsWhatWasWrittenDuringAnAuditThatFindsSomethingElseEarlyAndOnce) {
  const hash_tree theirs; // bob has lost what we have
  core.restore(key("lost"), {1, 2});
  add_current_peer(bob);
  const auto answered = [&](const message& m) {
    auto a = joined(m);
    a.root = theirs.root();
    if (m.audit)
      a.sums = audit_sums(theirs, *m.audit);
    if (m.walk)
      a.walk = answer_to(*m.walk, theirs, repair_message_bytes_min).answer;
    return core.answered(bob, a);
  };
  answered(only_message(answered(only_message(core.round(0))))); // the first look
  const auto second = only_message(answered(only_message(core.round(0))));
  ASSERT_TRUE(second.audit);
  record(key("new"), write(1));

  const auto early = only_message(answered(second));
  EXPECT_TRUE(early.is_early);
  EXPECT_EQ(early.items, (items{{key("new"), write(1)}}));
  const auto walk = only_message(answered(early));
  ASSERT_TRUE(walk.walk);
  const auto wanted = only<read_states>(answered(walk));
  const auto states = only_message(core.states_read(bob, {{wanted.keys[0], write(1).encode()}}));
  auto effects = answered(states);

  EXPECT_EQ(status_of(bob).pending, 0u);
  EXPECT_EQ(only_message(effects).items, items{}) << "the walk is over";
  answered(only_message(effects));
  EXPECT_EQ(only_message(core.round(0)).items, items{}) << "nothing is sent twice";
}

TEST_F(Gossip, HasCaughtUpOnceAPeersLogOrRootSaysSo) {
  const auto fresh = [] {
    gossip result{self, {}, digests};
    result.lacks_data(true);
    return result;
  };
  const auto answer_to_round = [](gossip& to, auto change) {
    to.add_peer(bob);
    auto said = joined(only_message(to.round(0)));
    said.walk = answer_to(repair_request{0, 1, {0}, {}, {}}, to.tree(), 4096).answer;
    change(said);
    EXPECT_TRUE(to.expects(bob, said));
    to.answered(bob, said);
    return to.has_caught_up_with(bob);
  };
  const digest something{1, 2};

  core = fresh();
  EXPECT_FALSE(answer_to_round(core, [](auto&) {})) << "neither has anything";
  core = fresh();
  core.restore(key("a"), something);
  EXPECT_FALSE(answer_to_round(core, [&](auto& a) { a.root = {3, 4}; }));
  core = fresh();
  core.restore(key("a"), something);
  EXPECT_TRUE(answer_to_round(core, [&](auto& a) { a.root = something; }));
  core = fresh();
  EXPECT_TRUE(answer_to_round(core, [&](auto& a) { a.offer = 1; }));

  message of_walk{bob, self, 1, 0, phase::goes_on, {{key("a"), write(1)}}};
  of_walk.mends = true;
  core = fresh();
  core.joined(taken(core, of_walk));
  EXPECT_FALSE(core.has_caught_up_with(bob)) << "there may be more";
  core.joined(taken(core, message{bob, self, 2}));
  EXPECT_FALSE(core.has_caught_up_with(bob)) << "it only asks";
  core.joined(taken(core, message{bob, self, 3, 0, phase::goes_on, {{key("b"), write(1)}}}));
  EXPECT_TRUE(core.has_caught_up_with(bob));
}

TEST_F(Gossip, RefusesToCompareASetOfATypeThatItDoesNotKnow) {
  message m{bob, self, 1};
  m.comparison = row_step{{static_cast<crdt::type>(200), "x"}, 1, repair_request{}};

  const auto said = decode_answer(std::get<gossip::reply>(core.receive(m)).bytes);
  EXPECT_EQ(std::get<answer>(said).verdict, verdict::refused);
}

TEST_F(Gossip, SkipsWhatItDoesNotKnowAndNoLongerSaysThatItKeepsAll) {
  core.keeps_since(eve);
  message m{bob, self, 1, 0, phase::tells, {{key("a"), write(1)}}};
  m.skipped = 2;

  const auto in = taken(core, m);
  EXPECT_EQ(in.items, m.items);
  const auto said = decode_answer(core.joined(in).bytes);
  EXPECT_EQ(std::get<answer>(said).verdict, verdict::joined);
  EXPECT_EQ(std::get<answer>(said).kept_since, session_id{});
  EXPECT_EQ(core.skipped(), 2u);
}

TEST_F(Gossip, TakesOnlyMessagesForThisSession) {
  const message ours{bob, self, 4};
  const message foreign{bob, eve, 4};

  EXPECT_EQ(core.joined(taken(core, ours)).bytes, encode(answer{self, bob, 4, verdict::joined}));
  const auto refused = core.receive(foreign);
  EXPECT_EQ(std::get<gossip::reply>(refused).bytes,
            encode(answer{self, bob, 4, verdict::other_session}));
}

} // namespace
} // namespace starling::replication
