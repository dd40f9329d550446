// The gossip actor among its peers: what it sends, and when.

#include "gossip_fixture.hpp"

#include <gmock/gmock.h>

namespace starling::actors {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

TEST_F(GossipActor, SendsNothingBeforeTheInterval) {
  add_peer("bob:1", bob);
  write(config, assign("dark"));

  advance(interval - milliseconds{1});
  EXPECT_THAT(peers.posts(), IsEmpty());

  advance(milliseconds{1});
  ASSERT_EQ(peers.posts().size(), 1u);
  EXPECT_EQ(peers.posts().front().address, "bob:1");
  EXPECT_EQ(peers.posts().front().path, gossip_path);
}

TEST_F(GossipActor, SendsTheDeltaOfAWrite) {
  write(fruits, add("apple"));
  add_peer_in_step("bob:1", bob);
  write(fruits, add("banana"));

  advance(interval);

  const auto m = new_message();
  EXPECT_EQ(m.from, self);
  EXPECT_EQ(m.to, bob);
  ASSERT_EQ(m.items.size(), 1u);
  EXPECT_EQ(m.items.front().key, fruits);
  EXPECT_EQ(m.items.front().part.as<crdt::or_set>().members(),
            (std::vector<crdt::payload>{{crdt::payload_kind::text, "banana"}}));
}

TEST_F(GossipActor, StartsARoundWithOnePeerOnly) {
  add_peer_in_step("bob:1", bob);
  add_peer_in_step("eve:1", eve);
  write(config, assign("dark"));

  advance(interval);
  const auto first = new_posts();
  advance(interval);
  const auto second = new_posts();

  ASSERT_EQ(first.size(), 1u);
  ASSERT_EQ(second.size(), 1u);
  EXPECT_NE(first.front().address, second.front().address) << "the first lacks nothing any more";
}

TEST_F(GossipActor, ReportsHowLongAPeerHasBeenBehind) {
  add_peer_in_step("bob:1", bob);
  add_peer_in_step("eve:1", eve);
  peers.answer_by([&](const fake_peers::post& p) -> fake_peers::reply {
    return p.address == "bob:1" ? joined(p) : unreachable(p);
  });
  EXPECT_THAT(ask<gossip_report>(gossip, report_atom_v).lags, IsEmpty());

  write(config, assign("dark"));
  ask<gossip_report>(gossip, report_atom_v); // from when it is told on, it is counted
  advance(4 * interval);
  write(fruits, add("apple"));
  advance(4 * interval);

  const auto lags = ask<gossip_report>(gossip, report_atom_v).lags;
  ASSERT_EQ(lags.size(), 1u);
  EXPECT_EQ(lags.at(eve), 8 * interval);

  peers.answer_by(joined);
  advance(2 * interval);
  EXPECT_THAT(ask<gossip_report>(gossip, report_atom_v).lags, IsEmpty());
}

class EagerGossipActor : public GossipActor {
protected:
  /// Another gossip actor, with three peers that have everything, and what it sends is seen.
  gossip_actor start(std::size_t fanout, milliseconds prompt_delay) {
    auto eager = track(spawn_gossip(sys, {.session = session_id{10},
                                          .limits = {.fanout = fanout},
                                          .digests = digests,
                                          .interval = interval,
                                          .prompt_delay = prompt_delay,
                                          .random_seed = 1,
                                          .peers = peers.handle(),
                                          .membership = members.handle()}));
    peers.answer_by(joined);
    tell(eager, shards_atom_v, shards.all());
    for (const std::uint64_t peer : {11, 12, 13})
      tell(eager, peer_atom_v, make_peer("p" + std::to_string(peer) + ":1", peer));
    advance(12 * interval);
    seen = peers.posts().size();
    return eager;
  }

  void change(const gossip_actor& eager, std::uint64_t when) {
    crdt::lww_register delta;
    delta.assign(crdt::replica_id::from(1, 1), when, {crdt::payload_kind::text, "x"});
    tell(eager, delta_atom_v, config, novelty{delta, digests.digest_of(config, delta)});
  }
};

TEST_F(EagerGossipActor, StartsAsManyRoundsAtATimeAsConfigured) {
  const auto eager = start(2, milliseconds{0});
  change(eager, 1);

  advance(interval);
  EXPECT_EQ(new_posts().size(), 2u);
  advance(interval);
  EXPECT_EQ(new_posts().size(), 1u) << "who still lacks it";
}

TEST_F(EagerGossipActor, StartsARoundPromptlyAfterAChangeIfTold) {
  const auto eager = start(1, milliseconds{5});
  change(eager, 1);
  change(eager, 2); // goes along

  advance(milliseconds{4});
  EXPECT_THAT(new_posts(), IsEmpty());
  advance(milliseconds{1});
  EXPECT_EQ(new_posts().size(), 1u);
  advance(milliseconds{10});
  EXPECT_EQ(new_posts().size(), 2u) << "nor do the others wait for the interval";
  advance(milliseconds{100});
  EXPECT_THAT(new_posts(), IsEmpty()) << "all have it";

  change(eager, 3);
  advance(milliseconds{5});
  EXPECT_EQ(new_posts().size(), 1u);
}

TEST_F(EagerGossipActor, ComparesItsKeysWithANewPeerAtOnce) {
  const auto eager = start(1, milliseconds{5});
  advance(interval / 4); // rounds are due at whole intervals

  tell(eager, peer_atom_v, make_peer("new:1", 14));
  advance(milliseconds{5});

  ASSERT_GT(peers.posts().size(), seen);
  EXPECT_EQ(peers.posts().back().address, "new:1");
  EXPECT_TRUE(decode_message(peers.posts().back().body).walk);
}

TEST_F(EagerGossipActor, TriesAgainLaterAndLaterWhoFails) {
  const auto eager = start(1, milliseconds{5});
  advance(interval / 10);
  peers.answer_by(
      [&](const fake_peers::post& p) { return p.address == "p12:1" ? unreachable(p) : joined(p); });
  std::vector<milliseconds> tries; // after the change
  const auto look = [&](milliseconds now) {
    for (const auto& post : new_posts())
      if (post.address == "p12:1")
        tries.push_back(now);
  };

  change(eager, 1);
  for (milliseconds now{0}; now < milliseconds{800}; now += milliseconds{5}) {
    look(now);
    advance(milliseconds{5});
  }
  ASSERT_EQ(tries.size(), 4u);
  EXPECT_LE(tries[0], milliseconds{15});
  EXPECT_EQ(tries[1] - tries[0], milliseconds{100});
  EXPECT_EQ(tries[2] - tries[1], milliseconds{200});
  EXPECT_EQ(tries[3] - tries[2], milliseconds{400});

  peers.answer_by(joined);
  advance(3 * interval);
  EXPECT_EQ(new_posts().size(), 1u);
  change(eager, 2);
  advance(milliseconds{50});
  EXPECT_EQ(new_posts().size(), 3u) << "it is prompted again";
}

TEST_F(EagerGossipActor, TriesNobodyAgainWhoIsGone) {
  const auto eager = start(1, milliseconds{5});
  advance(interval / 10);
  peers.answer_by(unreachable);
  change(eager, 1);
  advance(milliseconds{50});
  seen = peers.posts().size();
  for (const std::uint64_t peer : {11, 12, 13})
    tell(eager, lost_atom_v, make_peer("", peer).id);

  advance(4 * interval);

  EXPECT_THAT(new_posts(), IsEmpty());
}

TEST_F(EagerGossipActor, WaitsForTheIntervalIfNotTold) {
  const auto eager = start(1, milliseconds{0});
  change(eager, 1);
  advance(interval - milliseconds{1});
  EXPECT_THAT(new_posts(), IsEmpty());
}

TEST_F(GossipActor, StartsARoundAtATick) {
  add_peer("bob:1", bob);
  write(config, assign("dark"));

  tell(gossip, tick_atom_v);

  EXPECT_EQ(peers.posts().size(), 1u);
}

TEST_F(GossipActor, HandsOnAllThatIsLackedBeforeAStop) {
  add_peer_in_step("bob:1", bob);
  add_peer_in_step("eve:1", eve);
  write(config, assign("dark"));
  peers.answer_by([this](const fake_peers::post& p) {
    return p.address == "bob:1" ? joined(p) : unreachable(p);
  });

  tell(gossip, flush_atom_v);

  EXPECT_EQ(new_posts().size(), 2u) << "one to each, at once; who fails is not asked again";
  const auto pending = ask<gossip_report>(gossip, report_atom_v).peers;
  for (const auto& peer : pending)
    EXPECT_EQ(peer.pending, peer.peer == bob ? 0u : 1u);
}

TEST_F(GossipActor, AsksAPeerThatIsGoneOnceBeforeAStop) {
  add_peer_in_step("bob:1", bob);
  write(config, assign("dark"));
  peers.answer_by([](const fake_peers::post& p) {
    const auto m = decode_message(p.body);
    return encode(replication::answer{session_id{22}, m.from, m.sequence, verdict::other_session});
  });

  tell(gossip, flush_atom_v);

  EXPECT_EQ(new_posts().size(), 1u);
}

TEST_F(GossipActor, DoesNotSendAgainWhatWasAcknowledged) {
  add_peer_in_step("bob:1", bob);
  write(config, assign("dark"));
  advance(interval);
  EXPECT_EQ(new_posts().size(), 1u);

  advance(10 * interval);

  EXPECT_THAT(new_posts(), IsEmpty());
  EXPECT_EQ(ask<gossip_report>(gossip, report_atom_v).log_entries, 0u);
}

TEST_F(GossipActor, WaitsForTheAnswerBeforeItSendsMore) {
  add_peer_in_step("bob:1", bob);
  peers.answer_by({});
  write(config, assign("dark"));
  advance(interval);
  ASSERT_EQ(new_posts().size(), 1u);
  write(fruits, add("apple"));

  advance(10 * interval);
  EXPECT_THAT(new_posts(), IsEmpty());

  const auto last = peers.posts().size() - 1;
  peers.answer_by(joined);
  peers.answer(last, joined(peers.posts().back()));
  advance(interval);
  EXPECT_THAT(names_in(new_message()), ElementsAre("fruits"));
}

TEST_F(GossipActor, SendsAgainInALaterRoundWhatDidNotArrive) {
  add_peer_in_step("bob:1", bob);
  peers.answer_by(unreachable);
  write(config, assign("dark"));

  advance(interval);
  const auto lost = new_message();

  advance(interval);
  const auto again = new_message();
  EXPECT_EQ(again.items, lost.items);
  EXPECT_NE(again.sequence, lost.sequence);
}

TEST_F(GossipActor, TakesGarbageInsteadOfAnAnswerForNoAnswer) {
  add_peer_in_step("bob:1", bob);
  peers.answer_by([](const auto&) { return "garbage"; });
  write(config, assign("dark"));

  advance(interval);
  EXPECT_EQ(new_posts().size(), 1u);

  advance(interval);
  EXPECT_EQ(new_posts().size(), 1u) << "it was not acknowledged";
}

TEST_F(GossipActor, TakesTheAnswerToAnotherMessageForNoAnswer) {
  add_peer_in_step("bob:1", bob);
  peers.answer_by([](const fake_peers::post& p) {
    const auto m = decode_message(p.body);
    return encode(replication::answer{m.to, m.from, m.sequence - 1, verdict::joined});
  });
  write(config, assign("dark"));

  advance(2 * interval);

  EXPECT_EQ(new_posts().size(), 2u);
}

/// The same member in another session, as after a restart with a kept id.
gossip_peer reborn_as(std::uint64_t id, session_id session, std::string address = "bob:1") {
  auto result = make_peer(std::move(address), id);
  result.session = session;
  return result;
}

TEST_F(GossipActor, TellsWhetherItReachesAMember) {
  add_peer_in_step("bob:1", bob);
  peers.answer_by(unreachable);
  write(config, assign("dark"));

  advance(2 * interval);
  EXPECT_THAT(members.reached(), ElementsAre(std::pair{std::string{"bob:1"}, false},
                                             std::pair{std::string{"bob:1"}, false}));
  peers.answer_by([&](const fake_peers::post& p) { return joined(p); });
  advance(2 * interval);

  EXPECT_EQ(members.reached().size(), 3u) << "only what changed";
  EXPECT_EQ(members.reached().back(), (std::pair{std::string{"bob:1"}, true}));
}

TEST_F(GossipActor, TellsThatAMemberIsReachedWhoseLastProcessWasNot) {
  add_peer_in_step("bob:1", bob);
  peers.answer_by(unreachable);
  write(config, assign("dark"));
  advance(interval);
  ASSERT_EQ(members.reached().size(), 1u);

  tell(gossip, peer_atom_v, reborn_as(bob.value, session_id{22}));
  peers.answer_by(joined);
  advance(interval);

  ASSERT_EQ(members.reached().size(), 2u);
  EXPECT_EQ(members.reached().back(), (std::pair{std::string{"bob:1"}, true}));
}

TEST_F(GossipActor, ReportsTheAnswerOfAnotherSessionAndTakesNothingForAcknowledged) {
  add_peer_in_step("bob:1", bob);
  const session_id reborn{22};
  peers.answer_by([&](const fake_peers::post& p) {
    const auto m = decode_message(p.body);
    return encode(replication::answer{reborn, m.from, m.sequence, verdict::other_session});
  });
  write(config, assign("dark"));

  advance(interval);
  EXPECT_EQ(new_posts().size(), 1u);
  EXPECT_THAT(members.changed(), ElementsAre("bob:1"));

  advance(interval);
  EXPECT_THAT(names_in(new_message()), ElementsAre("config"));
}

TEST_F(GossipActor, ReplacesTheSessionOfAMemberByItsSuccessor) {
  write(fruits, add("apple"));
  add_peer_in_step("bob:1", bob);
  const session_id reborn{22};

  tell(gossip, peer_atom_v, reborn_as(bob.value, reborn, "bob:2"));
  advance(interval);

  const auto posts = new_posts();
  ASSERT_EQ(posts.size(), 1u);
  EXPECT_EQ(posts.front().address, "bob:2");
  const auto m = decode_message(posts.front().body);
  EXPECT_EQ(m.to, reborn);
  EXPECT_THAT(names_in(m), ElementsAre("fruits")) << "it has lost everything";
  const auto report = ask<gossip_report>(gossip, report_atom_v);
  ASSERT_EQ(report.peers.size(), 1u);
  EXPECT_EQ(report.peers.front().peer, reborn);
}

TEST_F(GossipActor, IgnoresAnAnswerOfASessionThatIsOver) {
  add_peer_in_step("bob:1", bob);
  peers.answer_by({});
  write(config, assign("dark"));
  advance(interval);
  ASSERT_EQ(new_posts().size(), 1u);
  const auto last = peers.posts().size() - 1;
  const session_id reborn{22};
  tell(gossip, peer_atom_v, reborn_as(bob.value, reborn));

  peers.answer(last, joined(peers.posts().back()));
  settle();
  peers.answer_by(joined);
  advance(interval);

  EXPECT_EQ(new_message().to, reborn);
}

TEST_F(GossipActor, FollowsAPeerThatMoves) {
  add_peer_in_step("bob:1", bob);
  add_peer("bob:2", bob);
  write(config, assign("dark"));

  advance(interval);

  const auto posts = new_posts();
  ASSERT_EQ(posts.size(), 1u);
  EXPECT_EQ(posts.front().address, "bob:2");
  EXPECT_THAT(names_in(decode_message(posts.front().body)), ElementsAre("config"))
      << "it has lost nothing";
}

TEST_F(GossipActor, KeepsASessionThatGoesOnUnderAnotherId) {
  add_peer_in_step("bob:1", bob);

  tell(gossip, peer_atom_v, reborn_as(99, bob));
  tell(gossip, peer_atom_v, reborn_as(bob.value, session_id{22}, "rival:1"));

  const auto report = ask<gossip_report>(gossip, report_atom_v);
  EXPECT_EQ(report.peers.size(), 2u);
  EXPECT_FALSE(report.peers.front().behind) << "bob goes on where it was";
}

// -- members that are lost --

TEST_F(GossipActor, SendsNothingToAMemberThatIsLost) {
  add_peer_in_step("bob:1", bob);
  tell(gossip, lost_atom_v, make_peer("", bob.value).id);
  write(config, assign("dark"));

  advance(10 * interval);

  EXPECT_THAT(new_posts(), IsEmpty());
  const auto report = ask<gossip_report>(gossip, report_atom_v);
  EXPECT_THAT(report.peers, IsEmpty());
  EXPECT_EQ(report.log_entries, 0u) << "and keeps nothing for it";
}

TEST_F(GossipActor, SendsAMemberThatIsBackWhatItMissed) {
  add_peer_in_step("bob:1", bob);
  add_peer_in_step("eve:1", eve);
  write(fruits, add("apple"));
  tell(gossip, lost_atom_v, make_peer("", bob.value).id);
  write(config, assign("dark"));

  add_peer("bob:1", bob);
  advance(4 * interval);

  std::vector<std::string> names;
  for (const auto& post : new_posts())
    if (post.address == "bob:1")
      for (const auto& name : names_in(decode_message(post.body)))
        names.push_back(name);
  EXPECT_THAT(names, UnorderedElementsAre("config", "fruits"));
}

TEST_F(GossipActor, TakesTheAnswerOfAMemberThatWasLostWhileItWasUnderWay) {
  add_peer_in_step("bob:1", bob);
  peers.answer_by({});
  write(config, assign("dark"));
  advance(interval);
  ASSERT_EQ(new_posts().size(), 1u);
  tell(gossip, lost_atom_v, make_peer("", bob.value).id);

  peers.answer(peers.posts().size() - 1, joined(peers.posts().back()));
  settle();
  add_peer("bob:1", bob);

  const auto report = ask<gossip_report>(gossip, report_atom_v);
  ASSERT_EQ(report.peers.size(), 1u);
  EXPECT_FALSE(report.peers.front().behind);
}

TEST_F(GossipActor, SendsAgainWhatFailedWhileItsPeerWasLost) {
  add_peer_in_step("bob:1", bob);
  add_peer_in_step("eve:1", eve);
  peers.answer_by({});
  write(config, assign("dark"));
  advance(2 * interval);
  const auto posts = new_posts();
  ASSERT_EQ(posts.size(), 2u);
  const auto to_bob = posts[0].address == "bob:1" ? seen - 2 : seen - 1;
  tell(gossip, lost_atom_v, make_peer("", bob.value).id);

  peers.answer(to_bob, caf::make_error(errc::unreachable));
  settle();
  add_peer("bob:1", bob);
  advance(interval);

  EXPECT_THAT(names_in(new_message()), ElementsAre("config"));
}

TEST_F(GossipActor, WaitsForNobodyWhoIsLostBeforeAStop) {
  add_peer_in_step("bob:1", bob);
  peers.answer_by({});
  write(config, assign("dark"));
  bool is_done = false;
  sys.spawn([&is_done, this](caf::event_based_actor* waiting) {
    waiting->request(gossip, caf::infinite, flush_atom_v).then([&is_done] { is_done = true; });
  });
  settle();
  EXPECT_FALSE(is_done);

  tell(gossip, lost_atom_v, make_peer("", bob.value).id);

  EXPECT_TRUE(is_done);
}

TEST_F(GossipActor, AnswersEachOfTwoWhoWaitForPeersToHaveAll) {
  add_peer_in_step("bob:1", bob);
  peers.answer_by({});
  write(config, assign("dark"));
  int done = 0;
  for (int i = 0; i < 2; ++i)
    sys.spawn([&done, this](caf::event_based_actor* waiting) {
      waiting->request(gossip, caf::infinite, flush_atom_v).then([&done] { ++done; });
    });
  settle();
  EXPECT_EQ(done, 0);

  tell(gossip, lost_atom_v, make_peer("", bob.value).id);

  EXPECT_EQ(done, 2);
}

TEST_F(GossipActor, BringsANewPeerAllKeysOfAllShards) {
  std::set<std::string> names;
  for (int i = 0; i < 50; ++i) {
    const crdt::key key{i % 2 == 0 ? type::set : type::register_, "key-" + std::to_string(i)};
    write(key, i % 2 == 0 ? add("apple") : assign(std::string(100, 'x')));
    names.insert(key.name);
  }
  peers.answer_by(joined);
  add_peer("bob:1", bob);

  advance(interval);

  std::set<std::string> sent;
  for (const auto& post : peers.posts())
    for (const auto& item : decode_message(post.body).items) {
      EXPECT_EQ(item.part,
                decode_value(ask<std::string>(shards.route(item.key), state_atom_v, item.key)));
      EXPECT_TRUE(sent.insert(item.key.name).second) << item.key.name << " came twice";
    }
  EXPECT_EQ(sent, names);
  EXPECT_GT(peers.posts().size(), 2u) << "they do not fit in one message";
  for (const auto& post : peers.posts())
    EXPECT_LE(post.body.size(), 2000u + 100);
}

TEST_F(GossipActor, CountsElementsAndRepairs) {
  const auto counted = [&](const std::string& what) {
    std::int64_t result = -1;
    auto look = [&](const auto* family, const auto*, const auto* metric) {
      if constexpr (std::is_same_v<decltype(metric), const caf::telemetry::int_counter*>)
        if (family->name() == "gossip." + what)
          result = metric->value();
    };
    sys.metrics().collect(look);
    return result;
  };
  write(config, assign("dark"));
  write(fruits, add("apple"));
  peers.answer_by(joined);
  add_peer("bob:1", bob);
  advance(interval);

  EXPECT_EQ(counted("elements-sent"), 2);
  EXPECT_EQ(counted("repairs-started"), 1);
  EXPECT_EQ(counted("repairs-found"), 0);

  const crdt::key theme{type::register_, "theme"};
  auto mending = decode_message(message_from(bob, self, theme, "light"));
  mending.mends = true;
  for (auto left = 2; left > 0; --left)
    ask<std::string>(gossip, message_atom_v,
                     replication::encode(mending, {{theme, mending.items.at(0).part.encode()}}));
  EXPECT_EQ(counted("elements-received"), 2);
  EXPECT_EQ(counted("elements-redundant"), 1);
  EXPECT_EQ(counted("keys-mended"), 1);
}

TEST_F(GossipActor, BringsANewPeerNoKeyThatWasNeverWritten) {
  write(fruits, add("apple"));
  write({type::set, "untouched"}, remove("apple"));
  peers.answer_by(joined);
  add_peer("bob:1", bob);

  advance(interval);

  EXPECT_THAT(names_in(new_message()), ElementsAre("fruits"));
}

TEST_F(GossipActor, TellsEarlyWhatIsWrittenDuringATransfer) {
  write(fruits, add("apple"));
  add_peer("bob:1", bob);
  advance(interval);
  ASSERT_EQ(peers.posts().size(), 1u);
  write(config, assign("dark"));
  ask<gossip_report>(gossip, report_atom_v); // the key has told it

  peers.answer_by(joined);
  peers.answer(0, joined(peers.posts().front()));
  advance(2 * interval);

  const auto posts = new_posts();
  ASSERT_EQ(posts.size(), 2u);
  const auto early = decode_message(posts[0].body);
  EXPECT_TRUE(early.is_early);
  EXPECT_THAT(names_in(early), ElementsAre("config"));
  EXPECT_TRUE(decode_message(posts[1].body).mends);
}

} // namespace
} // namespace starling::actors
