#include "actors/gossip.hpp"
#include "actors/shard.hpp"
#include "fixture.hpp"
#include "storage/held_value.hpp"

#include <caf/typed_event_based_actor.hpp>

#include <cstdlib>
#include <gmock/gmock.h>
#include <map>
#include <random>

namespace starling::actors {
namespace {

using crdt::type;
using replication::session_id;
using replication::verdict;
using std::chrono::milliseconds;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

constexpr milliseconds interval{1000};

const replication::digester digests{{}};

crdt::lww_register::stamp wall() {
  return 1'000'000;
}

std::vector<shard_actor> spawn_shards(caf::actor_system& sys, std::size_t count,
                                      crdt::replica_id replica, const gossip_actor& gossip) {
  std::vector<shard_actor> result;
  for (std::size_t i = 0; i < count; ++i)
    result.push_back(spawn_shard(sys, {.keys = {.replica = replica,
                                                .now = wall,
                                                .value_bytes_max = 1 << 20,
                                                .digests = digests,
                                                .gossip = gossip}}));
  return result;
}

std::vector<std::string> names_in(const replication::message& m) {
  std::vector<std::string> result;
  for (const auto& item : m.items)
    result.push_back(item.key.name);
  return result;
}

/// What the peers have: all that they were sent, or sent themselves.
class mirrors {
public:
  void join(session_id peer, const std::vector<replication::item>& items) {
    auto& [values, tree] = all_[peer];
    for (const auto& [key, part] : items) {
      auto& value = values.try_emplace(key, key).first->second;
      value.join(part, digests);
      const auto name = replication::name_of(key);
      tree.set(digests.position_of(name), name, value.digest());
    }
  }

  /// What a peer says that joins everything.
  std::string answer_to(const replication::message& m) {
    join(m.to, m.items);
    const auto& tree = all_[m.to].second;
    replication::answer a{m.to, m.from, m.sequence, verdict::joined};
    a.root = tree.root();
    if (m.walk)
      a.walk = replication::answer_to(*m.walk, tree, replication::repair_message_bytes_min).answer;
    if (m.audit)
      a.sums = replication::audit_sums(tree, *m.audit);
    return encode(a);
  }

private:
  std::map<session_id, std::pair<std::map<crdt::key, storage::held_value>, replication::hash_tree>>
      all_;
};

fake_peers::reply unreachable(const fake_peers::post&) {
  return caf::make_error(errc::unreachable);
}

class GossipActor : public actor_test {
protected:
  GossipActor() {
    for (const auto& shard : shards.all())
      track(shard);
    tell(gossip, shards_atom_v, shards.all());
  }

  void write(const crdt::key& key, const crdt::command& c) {
    ask<crdt::view>(shards.of(key), apply_atom_v, key, c);
  }

  /// A message from a peer with the write of one register.
  std::string message_from(session_id from, session_id to, const crdt::key& key,
                           const std::string& text) {
    crdt::lww_register written;
    written.assign(crdt::replica_id::from(from.value, 0), 5, {crdt::payload_kind::text, text});
    state_of_peers.join(from, {{key, written}});
    return replication::encode(replication::message{from, to, 1},
                               {{key, crdt::value{written}.encode()}});
  }

  void add_peer(const std::string& address, session_id session) {
    tell(gossip, peer_atom_v, make_peer(address, session.value));
  }

  /// Adds a peer that has everything there is by now.
  void add_peer_in_step(const std::string& address, session_id session) {
    peers.answer_by(joined);
    add_peer(address, session);
    advance(4 * interval);
    seen = peers.posts().size();
  }

  /// The posts since the last call that carry something; when nobody lacks anything, a round only
  /// asks.
  std::vector<fake_peers::post> new_posts() {
    std::vector<fake_peers::post> result;
    for (; seen < peers.posts().size(); ++seen)
      if (!decode_message(peers.posts()[seen].body).items.empty())
        result.push_back(peers.posts()[seen]);
    return result;
  }

  /// The message in the only post since the last call.
  replication::message new_message() {
    const auto posts = new_posts();
    EXPECT_EQ(posts.size(), 1u);
    return posts.size() == 1 ? decode_message(posts.front().body) : replication::message{};
  }

  std::uint64_t keys_here() {
    std::uint64_t result = 0;
    for (const auto& shard : shards.all())
      result += ask<std::uint64_t>(shard, report_atom_v);
    return result;
  }

  mirrors state_of_peers;
  const fake_peers::script joined = [this](const fake_peers::post& p) -> fake_peers::reply {
    return state_of_peers.answer_to(decode_message(p.body));
  };
  fake_peers peers{sys};
  fake_membership members{sys};
  const session_id self{1};
  const session_id bob{2};
  const session_id eve{3};
  gossip_actor gossip =
      track(spawn_gossip(sys, {.session = self,
                               .limits = {.message_bytes = 2000, .log_bytes = 1 << 20},
                               .digests = digests,
                               .interval = interval,
                               .random_seed = 1,
                               .peers = peers.handle(),
                               .membership = members.handle()}));
  const shard_map shards{spawn_shards(sys, 4, crdt::replica_id::from(1, 0), gossip)};
  const crdt::key config{type::register_, "config"};
  const crdt::key fruits{type::set, "fruits"};
  std::size_t seen = 0;
};

// -- sending --

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
  advance(milliseconds{100});
  EXPECT_THAT(new_posts(), IsEmpty()) << "the others wait for the interval";

  change(eager, 3);
  advance(milliseconds{5});
  EXPECT_EQ(new_posts().size(), 1u);
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

/// The same member in another session, as after a restart with a kept id.
gossip_peer reborn_as(std::uint64_t id, session_id session, std::string address = "bob:1") {
  auto result = make_peer(std::move(address), id);
  result.session = session;
  return result;
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
                decode_value(ask<std::string>(shards.of(item.key), state_atom_v, item.key)));
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

TEST_F(GossipActor, SendsWhatIsWrittenDuringATransferAfterIt) {
  write(fruits, add("apple"));
  add_peer("bob:1", bob);
  advance(interval);
  ASSERT_EQ(peers.posts().size(), 1u);
  write(config, assign("dark"));

  peers.answer_by(joined);
  peers.answer(0, joined(peers.posts().front()));
  advance(2 * interval);

  const auto posts = new_posts();
  ASSERT_EQ(posts.size(), 2u);
  EXPECT_TRUE(decode_message(posts[0].body).mends);
  const auto delta = decode_message(posts[1].body);
  EXPECT_FALSE(delta.mends);
  EXPECT_THAT(names_in(delta), ElementsAre("config"));
}

// -- receiving --

TEST_F(GossipActor, JoinsAMessageAndAnswersIt) {
  const auto answer = decode_answer(
      ask<std::string>(gossip, message_atom_v, message_from(bob, self, config, "dark")));

  EXPECT_EQ(answer.verdict, verdict::joined);
  EXPECT_EQ(answer.sequence, 1u);
  EXPECT_NE(answer.root, replication::digest{}) << "it has something now";
  const crdt::view expected{crdt::register_view{{crdt::payload_kind::text, "dark"}}};
  EXPECT_EQ(ask<crdt::view>(shards.of(config), read_atom_v, config, crdt::query{}), expected);
}

TEST_F(GossipActor, AnswersAnEmptyMessageAtOnce) {
  const auto answer = decode_answer(ask<std::string>(
      gossip, message_atom_v, replication::encode(replication::message{bob, self, 7}, {})));

  EXPECT_EQ(answer, (replication::answer{self, bob, 7, verdict::joined}));
}

TEST_F(GossipActor, PassesOnWhatWasNewButNotToWhereItCameFrom) {
  add_peer_in_step("bob:1", bob);
  add_peer_in_step("eve:1", eve);
  ask<std::string>(gossip, message_atom_v, message_from(bob, self, config, "dark"));

  advance(10 * interval);

  const auto posts = new_posts();
  ASSERT_EQ(posts.size(), 1u);
  EXPECT_EQ(posts.front().address, "eve:1");
  EXPECT_THAT(names_in(decode_message(posts.front().body)), ElementsAre("config"));
}

TEST_F(GossipActor, PassesOnNothingThatItKnew) {
  add_peer_in_step("eve:1", eve);
  ask<std::string>(gossip, message_atom_v, message_from(bob, self, config, "dark"));
  advance(interval);
  EXPECT_EQ(new_posts().size(), 1u);

  ask<std::string>(gossip, message_atom_v, message_from(bob, self, config, "dark"));
  advance(10 * interval);

  EXPECT_THAT(new_posts(), IsEmpty());
}

TEST_F(GossipActor, PassesOnNothingToOneWhoHasItFromElsewhere) {
  add_peer_in_step("bob:1", bob);
  const auto from_eve = message_from(eve, self, config, "dark");
  auto from_bob = decode_message(from_eve);
  from_bob.from = bob;
  state_of_peers.join(bob, from_bob.items);
  ask<std::string>(gossip, message_atom_v, from_eve);

  ask<std::string>(gossip, message_atom_v,
                   replication::encode(replication::message{bob, self, 1},
                                       {{config, from_bob.items.at(0).part.encode()}}));

  advance(2 * interval);
  EXPECT_THAT(new_posts(), IsEmpty());
}

TEST_F(GossipActor, AnswersWithWhatThePeerLacks) {
  add_peer_in_step("bob:1", bob);
  write(config, assign("dark"));

  const auto answer = decode_answer(ask<std::string>(
      gossip, message_atom_v,
      replication::encode(replication::message{bob, self, 1, 0, replication::phase::asks}, {})));

  ASSERT_EQ(answer.items.size(), 1u);
  EXPECT_EQ(answer.items[0].key, config);
  state_of_peers.join(bob, answer.items);
  ask<std::string>(gossip, message_atom_v,
                   replication::encode(replication::message{bob, self, 2, answer.offer}, {}));
  advance(3 * interval);
  EXPECT_THAT(new_posts(), IsEmpty()) << "it is acknowledged";
}

TEST_F(GossipActor, JoinsWhatAnAnswerOffersBeforeItAcknowledges) {
  add_peer_in_step("bob:1", bob);
  bool has_offered = false;
  peers.answer_by([&](const fake_peers::post& p) -> fake_peers::reply {
    const auto m = decode_message(p.body);
    if (std::exchange(has_offered, true))
      return joined(p);
    crdt::lww_register dark;
    dark.assign(crdt::replica_id::from(bob.value, 0), 5, {crdt::payload_kind::text, "dark"});
    state_of_peers.join(bob, {{config, dark}});
    return encode(replication::answer{m.to, m.from, m.sequence, verdict::joined, 9},
                  {{config, crdt::value{dark}.encode()}});
  });
  const auto before = peers.posts().size();

  advance(interval);

  ASSERT_EQ(peers.posts().size(), before + 2);
  EXPECT_EQ(decode_message(peers.posts().back().body).acknowledged, 9u);
  EXPECT_EQ(keys_here(), 1u);
}

TEST_F(GossipActor, AsksSomebodyWhenNobodyLacksAnything) {
  add_peer_in_step("bob:1", bob);
  const auto before = peers.posts().size();

  advance(3 * interval);

  ASSERT_EQ(peers.posts().size(), before + 3);
  const auto m = decode_message(peers.posts().back().body);
  EXPECT_EQ(m.phase, replication::phase::asks);
  EXPECT_THAT(m.items, IsEmpty());
}

TEST_F(GossipActor, JoinsNothingThatIsMeantForAnotherSession) {
  const auto answer = decode_answer(
      ask<std::string>(gossip, message_atom_v, message_from(bob, session_id{99}, config, "dark")));

  EXPECT_EQ(answer.verdict, verdict::other_session);
  EXPECT_EQ(answer.from, self);
  EXPECT_EQ(keys_here(), 0u);
}

TEST_F(GossipActor, RefusesGarbage) {
  const auto good = message_from(bob, self, config, "dark");
  auto flipped = good;
  flipped.front() = static_cast<char>(~flipped.front());

  for (const auto& bytes : {std::string{}, std::string{"garbage"}, good.substr(0, good.size() - 1),
                            good + '\0', flipped, std::string(1000, '\xff')})
    EXPECT_EQ(ask_error<std::string>(gossip, message_atom_v, bytes), errc::bad_message);

  EXPECT_EQ(keys_here(), 0u);
}

/// Keys that join nothing before they are told to.
class slow_shard {
public:
  explicit slow_shard(caf::actor_system& sys)
      : actor_(
            sys.spawn([s = state_](controlled_actor::pointer self) { return behave(self, s); })) {}

  shard_actor handle() const { return actor_; }
  std::size_t waiting() const { return state_->size(); }

  /// Answers the join that waits longest. Settle afterwards.
  void join_one() { caf::anon_send(actor_, tick_atom_v); }

private:
  using controlled_actor = shard_actor::extend<caf::result<void>(tick_atom)>;
  using state = std::vector<std::pair<caf::typed_response_promise<novelty>, crdt::value>>;

  static controlled_actor::behavior_type behave(controlled_actor::pointer self,
                                                const std::shared_ptr<state>& s) {
    return {
        [](apply_atom, const crdt::key&, const crdt::command&) -> caf::result<crdt::view> {
          return errc::exhausted;
        },
        [](read_atom, const crdt::key&, const crdt::query&) -> caf::result<crdt::view> {
          return errc::no_such_key;
        },
        [self, s](join_atom, const crdt::key&, const crdt::value& part) -> caf::result<novelty> {
          s->emplace_back(self->make_response_promise<novelty>(), part);
          return s->back().first;
        },
        [](state_atom, const crdt::key&) -> caf::result<std::string> { return errc::no_such_key; },
        [](keys_atom, const crdt::key_query&) { return std::vector<crdt::key>{}; },
        [](renew_atom, const crdt::replica_id&) {},
        [](mended_atom) {},
        [](report_atom) { return std::uint64_t{0}; },
        [s](tick_atom) {
          s->front().first.deliver(novelty{s->front().second});
          s->erase(s->begin());
        },
    };
  }

  std::shared_ptr<state> state_ = std::make_shared<state>();
  controlled_actor actor_;
};

TEST_F(GossipActor, AnswersAMessageOnlyOnceEveryKeyHasJoinedItsPart) {
  slow_shard shard{sys};
  track(shard.handle());
  tell(gossip, shards_atom_v, std::vector<shard_actor>{shard.handle()});
  add_peer_in_step("eve:1", eve);
  crdt::pn_counter part;
  part.add(crdt::replica_id::from(2, 0), 1);
  const auto bytes = crdt::value{part}.encode();
  const auto message =
      replication::encode(replication::message{bob, self, 1},
                          {{{type::counter, "a"}, bytes}, {{type::counter, "b"}, bytes}});

  const auto answer = start_asking<std::string>(gossip, message_atom_v, message);
  EXPECT_EQ(shard.waiting(), 2u);
  EXPECT_TRUE(answer->is_pending());

  shard.join_one();
  settle();
  EXPECT_TRUE(answer->is_pending());

  shard.join_one();
  settle();
  ASSERT_TRUE(answer->value);
  EXPECT_EQ(decode_answer(*answer->value).verdict, verdict::joined);
  EXPECT_EQ(ask<gossip_report>(gossip, report_atom_v).log_entries, 2u)
      << "the novelties were in the log by then";
}

// -- whole nodes --

struct test_node {
  gossip_actor gossip;
  shard_map shards;
};

/// Nodes that reach each other through peer clients that lose messages and answers at random.
class GossipNetwork : public actor_test {
protected:
  using network = std::map<std::string, gossip_actor>;

  GossipNetwork() {
    const auto* given = std::getenv("STARLING_TEST_SEED");
    seed = given != nullptr ? std::strtoull(given, nullptr, 10) : 20'240'229;
    random.seed(seed);
  }

  /// Starts a node and makes it and those that are there already known to each other.
  test_node& start(const std::string& address, std::uint64_t session) {
    const auto gossip =
        track(spawn_gossip(sys, {.session = {session},
                                 .limits = {.message_bytes = 200, .log_bytes = 2000},
                                 .digests = digests,
                                 .interval = interval,
                                 .random_seed = seed + session,
                                 .peers = track(spawn_wire()),
                                 .membership = members.handle()}));
    auto shards = spawn_shards(sys, 3, crdt::replica_id::from(session, session), gossip);
    for (const auto& shard : shards)
      track(shard);
    tell(gossip, shards_atom_v, shards);
    (*reachable)[address] = gossip;
    for (const auto& [other_address, other] : nodes) {
      if (sessions.contains(address))
        tell(other.gossip, lost_atom_v, make_peer("", sessions.at(address)).id);
      tell(other.gossip, peer_atom_v, make_peer(address, session));
      tell(gossip, peer_atom_v, make_peer(other_address, sessions.at(other_address)));
    }
    nodes.insert_or_assign(address, test_node{gossip, shard_map{std::move(shards)}});
    sessions[address] = session;
    return nodes.at(address);
  }

  void stop(const std::string& address) {
    caf::anon_send_exit(nodes.at(address).gossip, caf::exit_reason::user_shutdown);
    reachable->erase(address);
    nodes.erase(address);
    settle();
  }

  /// A peer client whose posts go straight to the other node's gossip actor.
  peer_client_actor spawn_wire() {
    return sys.spawn([this, net = reachable](
                         peer_client_actor::pointer self) -> peer_client_actor::behavior_type {
      return {[this, net, self](post_atom, const std::string& address, const std::string&,
                                const std::string& body) -> caf::result<std::string> {
        const auto to = net->find(address);
        if (to == net->end() || is_lost())
          return errc::unreachable;
        auto promise = self->make_response_promise<std::string>();
        self->request(to->second, caf::infinite, message_atom_v, body)
            .then(
                [this, promise](std::string& answer) mutable {
                  if (is_lost())
                    promise.deliver(caf::make_error(errc::unreachable));
                  else
                    promise.deliver(std::move(answer));
                },
                [promise](caf::error& why) mutable { promise.deliver(std::move(why)); });
        return promise;
      }};
    });
  }

  bool is_lost() { return random() % 100 < loss_percent; }

  void write(test_node& node, const crdt::key& key, const crdt::command& c) {
    ask<crdt::view>(node.shards.of(key), apply_atom_v, key, c);
  }

  /// A write of any kind to any key at any node.
  void write_at_random() {
    auto& node = std::next(nodes.begin(), static_cast<long>(random() % nodes.size()))->second;
    const auto name = "key-" + std::to_string(random() % 10);
    const auto text = std::to_string(random() % 5);
    switch (random() % 4) {
    case 0:
      return write(node, {type::counter, name},
                   increment(static_cast<std::int64_t>(random() % 9) + 1));
    case 1:
      return write(node, {type::register_, name}, assign(text));
    case 2:
      return write(node, {type::set, name}, add(text));
    default:
      return write(node, {type::set, name}, remove(text));
    }
  }

  static inline const crdt::key_query all_keys{.limit = SIZE_MAX};

  /// Every value of a node, encoded.
  std::map<crdt::key, std::string> contents(const test_node& node) {
    std::map<crdt::key, std::string> result;
    for (const auto& shard : node.shards.all())
      for (const auto& key : ask<std::vector<crdt::key>>(shard, keys_atom_v, all_keys)) {
        auto bytes = ask<std::string>(shard, state_atom_v, key);
        if (!bytes.empty())
          result[key] = std::move(bytes);
      }
    return result;
  }

  void expect_equal_contents() {
    const auto first = contents(nodes.begin()->second);
    EXPECT_FALSE(first.empty());
    for (const auto& [address, node] : nodes)
      EXPECT_EQ(contents(node), first) << address << " differs; STARLING_TEST_SEED=" << seed;
  }

  std::uint64_t seed = 0;
  std::mt19937_64 random;
  unsigned loss_percent = 0;
  fake_membership members{sys};
  std::shared_ptr<network> reachable = std::make_shared<network>();
  std::map<std::string, test_node> nodes;
  std::map<std::string, std::uint64_t> sessions;
};

TEST_F(GossipNetwork, BringsAWriteToTheOtherNodeWithinOneRound) {
  auto& one = start("one:1", 1);
  auto& two = start("two:1", 2);
  advance(2 * interval);
  const crdt::key visitors{type::counter, "visitors"};

  write(one, visitors, increment(5));
  advance(interval);

  EXPECT_EQ(ask<crdt::view>(two.shards.of(visitors), read_atom_v, visitors, crdt::query{}),
            counter_view(5));
}

TEST_F(GossipNetwork, ConvergesThoughMessagesAndAnswersAreLost) {
  start("one:1", 1);
  start("two:1", 2);
  loss_percent = 40;
  for (int i = 0; i < 200; ++i) {
    write_at_random();
    advance(milliseconds{random() % 700});
  }

  loss_percent = 0;
  advance(10 * interval);

  expect_equal_contents();
  for (const auto& [address, node] : nodes)
    EXPECT_EQ(ask<gossip_report>(node.gossip, report_atom_v).log_entries, 0u) << address;
}

TEST_F(GossipNetwork, ConvergesWithThreeNodesOfWhichOneStartsAnew) {
  start("one:1", 1);
  start("two:1", 2);
  start("three:1", 3);
  loss_percent = 20;
  for (int i = 0; i < 200; ++i) {
    write_at_random();
    advance(milliseconds{random() % 700});
    if (i == 100)
      stop("three:1");
    if (i == 120)
      start("three:1", 33);
  }

  loss_percent = 0;
  advance(20 * interval);

  expect_equal_contents();
}

} // namespace
} // namespace starling::actors
