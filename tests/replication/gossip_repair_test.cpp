// Gossip cores that find and mend what they differ in, among themselves: every effect is carried
// out at once, in order, unless the test says otherwise.

#include "crdt/command.hpp"
#include "replication/gossip.hpp"

#include <gtest/gtest.h>

#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace starling::replication {
namespace {

const digester digests{{}};

crdt::key register_key(const std::string& name) {
  return {crdt::type::register_, name};
}

const crdt::key fruits{crdt::type::set, "fruits"};

crdt::command assign(std::string what) {
  return crdt::register_assign{{crdt::payload_kind::bytes, std::move(what)}};
}

crdt::payload member(const std::string& name) {
  return {crdt::payload_kind::text, name};
}

crdt::command add(const std::string& name) {
  return crdt::set_change{{{member(name), std::nullopt}}, {}};
}

crdt::command remove(const std::string& name) {
  return crdt::set_change{{}, {{member(name), std::nullopt}}};
}

struct node {
  node(std::uint64_t number, const gossip_limits& limits)
      : session{number}, replica(crdt::replica_id::from(9, number)),
        core(session, limits, digests) {}

  session_id session;
  crdt::replica_id replica;
  std::map<crdt::key, crdt::value> values;
  gossip core;
};

class GossipRepair : public ::testing::Test {
protected:
  inline static const gossip_limits usual{.message_bytes = 8192, .whole_value_bytes = 1000};

  explicit GossipRepair(const gossip_limits& limits = usual) {
    for (std::uint64_t i = 1; i <= 3; ++i)
      nodes.emplace_back(i, limits);
  }

  node& a() { return nodes[0]; }
  node& b() { return nodes[1]; }
  node& c() { return nodes[2]; }

  void write(node& at, const crdt::key& key, const crdt::command& what) {
    auto& value = at.values.try_emplace(key, key.type).first->second;
    const auto outcome = crdt::apply(value, what, at.replica, ++wall_);
    if (const auto& delta = std::get<std::optional<crdt::value>>(outcome))
      at.core.record(key, *delta, digests.digest_of(key, value), std::nullopt);
  }

  /// Each may gossip with the other.
  static void introduce(node& one, node& other) {
    one.core.add_peer(other.session);
    other.core.add_peer(one.session);
  }

  /// Everything that was ever written at one is at the other, and both know it.
  void make_equal(node& one, node& other) {
    introduce(one, other);
    settle();
    ASSERT_EQ(one.core.tree().root(), other.core.tree().root());
  }

  /// A round of a node, and all that follows of it.
  void round(node& of) {
    of.core.tick();
    perform(of, of.core.round(0));
    pump();
  }

  /// Rounds until nobody lacks anything.
  void settle(int rounds_max = 50) {
    const auto is_settled = [&] {
      for (const auto& n : nodes)
        for (const auto& p : n.core.status())
          if (p.behind || p.pending > 0)
            return false;
      return true;
    };
    for (int i = 0; i < rounds_max && !is_settled(); ++i)
      for (auto& n : nodes) {
        n.core.tick();
        perform(n, n.core.rounds({}));
        pump();
      }
    EXPECT_TRUE(is_settled());
  }

  void perform(node& of, std::vector<effect> effects) {
    for (auto& e : effects)
      waiting.emplace_back(&of, std::move(e));
  }

  /// Carries out what is waiting to be, in order.
  void pump() {
    while (!waiting.empty())
      step();
  }

  void step() {
    auto [of, e] = std::move(waiting.front());
    waiting.pop_front();
    if (const auto* read = std::get_if<read_states>(&e)) {
      std::vector<encoded_item> states;
      for (const auto& key : read->keys)
        if (const auto found = of->values.find(key); found != of->values.end())
          states.push_back({key, found->second.encode()});
      perform(*of, of->core.states_read(read->peer, std::move(states)));
    } else if (const auto* sent = std::get_if<send_message>(&e)) {
      send(*of, *sent);
    } else if (const auto* refused = std::get_if<value_refused>(&e)) {
      refused_keys.push_back(refused->key);
    }
  }

  void send(node& from, const send_message& sent) {
    ++messages;
    bytes += sent.bytes.size();
    largest = std::max(largest, sent.bytes.size());
    const auto m = std::get<message>(decode_message(sent.bytes));
    for (const auto& item : m.items)
      ++states_of[item.key];
    auto& to = node_of(sent.peer);
    if (is_lost(m))
      return from.core.failed(sent.peer);
    const auto reply = receive(to, m);
    bytes += reply.size();
    largest = std::max(largest, reply.size());
    const auto back = std::get<answer>(decode_answer(reply));
    if (is_answer_lost(back))
      return from.core.failed(sent.peer);
    const auto items = from.core.receive_answer(sent.peer, back);
    ASSERT_TRUE(items);
    join(from, sent.peer, *items);
    perform(from, from.core.answered(sent.peer, back));
  }

  std::string receive(node& at, const message& m) {
    auto taken = at.core.receive(m);
    if (const auto* at_once = std::get_if<gossip::reply>(&taken))
      return at_once->bytes;
    const auto& in = std::get<gossip::incoming>(taken);
    join(at, m.from, in.items);
    std::string state;
    if (in.wanted)
      if (const auto found = at.values.find(*in.wanted); found != at.values.end())
        state = found->second.encode();
    auto reply = at.core.joined(in, state);
    perform(at, std::move(reply.effects));
    return reply.bytes;
  }

  void join(node& at, session_id from, const std::vector<item>& items) {
    for (const auto& [key, part] : items) {
      auto& value = at.values.try_emplace(key, key.type).first->second;
      if (const auto news = value.join(part))
        at.core.record(key, *news, digests.digest_of(key, value), from);
    }
  }

  node& node_of(session_id s) { return nodes[s.value - 1]; }

  static void expect_equal(const node& x, const node& y) {
    EXPECT_EQ(x.core.tree().root(), y.core.tree().root());
    EXPECT_EQ(x.values.size(), y.values.size());
    for (const auto& [key, value] : x.values) {
      const auto found = y.values.find(key);
      ASSERT_NE(found, y.values.end()) << key.name;
      EXPECT_EQ(value, found->second) << key.name;
    }
  }

  /// A node loses a value without noticing.
  static void damage(node& at, const crdt::key& key) {
    at.values.erase(key);
    at.core.lose(key);
  }

  gossip::peer_status status_of(const node& peer, const node& at) {
    for (const auto& s : at.core.status())
      if (s.peer == peer.session)
        return s;
    ADD_FAILURE() << "no peer";
    return {};
  }

  std::deque<node> nodes;
  std::deque<std::pair<node*, effect>> waiting;
  std::function<bool(const message&)> is_lost = [](const message&) { return false; };
  std::function<bool(const answer&)> is_answer_lost = [](const answer&) { return false; };
  std::vector<crdt::key> refused_keys;

  std::size_t messages = 0;
  std::size_t bytes = 0; // of messages and answers
  std::size_t largest = 0;
  std::map<crdt::key, int> states_of; // how often each key's value was sent

private:
  crdt::lww_register::stamp wall_ = 0;
};

// -- walks --

TEST_F(GossipRepair, ANewPeerIsGivenEverythingAndGivesWhatItHas) {
  write(a(), register_key("only at a"), assign("x"));
  write(a(), fruits, add("apple"));
  write(b(), fruits, add("banana"));
  write(b(), register_key("only at b"), assign("y"));
  introduce(a(), b());

  round(a());

  expect_equal(a(), b());
  EXPECT_EQ(a().values.size(), 3u);
  EXPECT_FALSE(status_of(b(), a()).behind);
}

TEST_F(GossipRepair, WhoIsEqualIsToldSoByOneMessage) {
  for (int i = 0; i < 1000; ++i) {
    write(a(), register_key(std::to_string(i)), assign("x"));
    b().values = a().values;
    const auto key = register_key(std::to_string(i));
    b().core.restore(key, digests.digest_of(key, a().values.at(key)));
  }
  introduce(a(), b());

  round(a());

  EXPECT_EQ(messages, 1u);
  EXPECT_FALSE(status_of(b(), a()).behind);
}

TEST_F(GossipRepair, OnlyWhatDiffersTravels) {
  for (int i = 0; i < 1000; ++i)
    write(a(), register_key(std::to_string(i)), assign("x"));
  introduce(a(), b());
  settle();
  for (auto* n : {&a(), &b()})
    for (auto* other : {&a(), &b()})
      n->core.remove_peer(other->session);
  write(a(), register_key("7"), assign("y"));
  write(b(), register_key("8"), assign("z"));
  write(b(), register_key("new"), assign("z"));
  states_of.clear();
  introduce(a(), b());

  round(a());

  expect_equal(a(), b());
  for (const auto& [key, times] : states_of)
    EXPECT_LE(times, 2) << "once by each side";
  EXPECT_EQ(states_of.size(), 3u);
}

TEST_F(GossipRepair, WhatIsWrittenMeanwhileIsSentEarlyAndOnce) {
  write(a(), register_key("old"), assign("x"));
  introduce(a(), b());
  perform(a(), a().core.round(0));
  write(a(), register_key("old"), assign("y"));
  write(a(), register_key("new"), assign("z"));
  EXPECT_EQ(a().core.log().size(), 2u) << "kept for b since the walk began";

  step(); // the first question
  const auto& sent = std::get<send_message>(waiting.front().second);
  const auto early = std::get<message>(decode_message(sent.bytes));
  EXPECT_TRUE(early.is_early);
  EXPECT_EQ(early.items.size(), 2u);
  pump();
  EXPECT_EQ(status_of(b(), a()).pending, 0u) << "it has that";

  expect_equal(a(), b());
  EXPECT_EQ(a().core.log().size(), 0u);
}

TEST_F(GossipRepair, ItBeginsAnewAfterAFailureWhereverThatIs) {
  for (int i = 0; i < 50; ++i) {
    write(a(), register_key("a" + std::to_string(i)), assign(std::string(1000, 'x')));
    write(b(), register_key("b" + std::to_string(i)), assign(std::string(1000, 'x')));
  }
  introduce(a(), b());
  for (std::size_t good = 0; good < 20; ++good) {
    is_lost = [&, left = good](const message&) mutable { return left-- == 0; };
    a().core.tick();
    round(a());
    is_lost = [](const message&) { return false; };
  }
  settle();

  expect_equal(a(), b());
  EXPECT_EQ(a().values.size(), 100u);
}

TEST_F(GossipRepair, WalksOverOnePeerAtATimeAndAsksOthersOnce) {
  write(a(), register_key("x"), assign("x"));
  introduce(a(), b());
  introduce(a(), c());

  perform(a(), a().core.rounds({}));
  EXPECT_EQ(waiting.size(), 2u) << "nobody waits for one who is silent";
  step(); // b differs
  step(); // c, too
  EXPECT_EQ(a().core.repairs().walks, 1u);
  EXPECT_TRUE(a().core.rounds({}).empty()) << "c has to wait";
  EXPECT_FALSE(a().core.was_put_off()) << "for us";
  pump();
  perform(a(), a().core.rounds({}));
  pump();

  expect_equal(a(), b());
  expect_equal(a(), c());
}

TEST_F(GossipRepair, OfTwoThatWalkOverEachOtherOneGoesOn) {
  write(a(), register_key("x"), assign("x"));
  write(b(), register_key("y"), assign("y"));
  introduce(a(), b());
  perform(b(), b().core.round(0));
  perform(a(), a().core.round(0));

  pump();

  expect_equal(a(), b());
  EXPECT_FALSE(status_of(b(), a()).behind);
  b().core.tick();
  round(b());
  EXPECT_FALSE(status_of(a(), b()).behind);
  for (const auto& [key, times] : states_of)
    EXPECT_LE(times, 2) << key.name;
}

TEST_F(GossipRepair, WhoIsWalkedOverByOneHasNoTimeForAnother) {
  for (int i = 0; i < 50; ++i)
    write(a(), register_key(std::to_string(i)), assign(std::string(1000, 'x')));
  write(c(), register_key("c"), assign("c"));
  introduce(a(), b());
  introduce(b(), c());
  perform(a(), a().core.round(0));
  for (int i = 0; i < 4; ++i)
    step(); // a asks b, and begins to send
  const auto of_a = std::exchange(waiting, {});

  perform(c(), c().core.round(0));
  pump(); // c asks b, and is told to wait
  waiting = of_a;

  EXPECT_TRUE(c().core.rounds({}).empty()) << "not before some time has passed";
  EXPECT_TRUE(c().core.was_put_off());
  EXPECT_TRUE(status_of(b(), c()).behind);
  pump();
  settle();
  expect_equal(b(), c());
}

TEST_F(GossipRepair, AWalkThatWasGivenUpKeepsNobodyWaitingForEver) {
  introduce(a(), b());
  introduce(b(), c());
  perform(a(), a().core.round(0));
  const auto first = std::get<send_message>(waiting.front().second);
  receive(b(), std::get<message>(decode_message(first.bytes))); // and a is never heard of again

  for (int i = 0; i < 9; ++i)
    b().core.tick();
  perform(c(), c().core.round(0));
  waiting.pop_front();
  pump();

  EXPECT_FALSE(status_of(b(), c()).behind);
}

TEST_F(GossipRepair, WhoeverIsWalkedOverKnowsThatTheOtherLacksSomething) {
  for (int i = 0; i < 50; ++i) {
    write(a(), register_key("a" + std::to_string(i)), assign(std::string(1000, 'x')));
    write(b(), register_key("b" + std::to_string(i)), assign(std::string(1000, 'x')));
  }
  introduce(a(), b());
  perform(b(), b().core.round(0));
  for (int i = 0; i < 6; ++i)
    step();

  ASSERT_TRUE(status_of(b(), a()).behind);
  const bool waits = !a().core.rounds({}).empty() || !a().core.is_quiet() || a().core.was_put_off();
  EXPECT_TRUE(waits) << "a stop hands on what it can";
}

TEST_F(GossipRepair, AStrangerIsAnsweredAndOwedNothing) {
  write(b(), register_key("x"), assign("x"));
  a().core.add_peer(b().session); // b does not know of a

  round(a());

  EXPECT_FALSE(status_of(b(), a()).behind);
  EXPECT_TRUE(a().values.empty());
  EXPECT_TRUE(b().core.status().empty());
}

// -- what is too large for a message --

class GossipPieces : public GossipRepair {
protected:
  static constexpr std::size_t message_bytes = 300;
  static constexpr std::size_t most = 10'000;

  GossipPieces()
      : GossipRepair(
            {.message_bytes = message_bytes, .pieces_bytes = most, .whole_value_bytes = most}) {}
};

TEST_F(GossipPieces, ALargeDeltaGoesInPieces) {
  make_equal(a(), b());
  write(a(), register_key("large"), assign(std::string(5000, 'x')));
  write(a(), register_key("small"), assign("x"));

  round(a());

  expect_equal(a(), b());
  EXPECT_GE(messages, 5000 / message_bytes);
  EXPECT_LE(largest, message_bytes + 100);
}

TEST_F(GossipPieces, SoDoesALargeState) {
  write(a(), register_key("large"), assign(std::string(5000, 'x')));
  write(b(), register_key("another"), assign(std::string(5000, 'y')));

  make_equal(a(), b());

  EXPECT_EQ(a().values.size(), 2u);
}

TEST_F(GossipPieces, NothingLargeIsOffered) {
  make_equal(a(), b());
  write(b(), register_key("large"), assign(std::string(5000, 'x')));

  round(a()); // asks b
  EXPECT_LE(largest, 5000u);
  EXPECT_TRUE(a().values.empty());
  settle();

  expect_equal(a(), b());
}

TEST_F(GossipPieces, ALostPieceIsSentAgainAndNotTheWhole) {
  make_equal(a(), b());
  write(a(), register_key("large"), assign(std::string(5000, 'x')));
  messages = 0;
  is_lost = [n = 0](const message&) mutable { return ++n == 10; };

  round(a());
  EXPECT_EQ(messages, 10u);
  EXPECT_TRUE(b().values.empty());
  round(a());

  expect_equal(a(), b());
  EXPECT_LE(messages, 5000 / message_bytes + 3);
}

TEST_F(GossipPieces, AnAnswerThatIsLostDoesNoHarm) {
  make_equal(a(), b());
  write(a(), register_key("large"), assign(std::string(2000, 'x')));
  for (int lost = 1; lost < 9; ++lost) {
    is_answer_lost = [lost, n = 0](const answer&) mutable { return ++n == lost; };
    round(a());
  }
  is_answer_lost = [](const answer&) { return false; };
  settle();

  expect_equal(a(), b());
  EXPECT_EQ(a().core.log().size(), 0u);
}

TEST_F(GossipPieces, WhereTheFirstPiecesAreForgottenItStartsOver) {
  make_equal(a(), b());
  write(a(), register_key("large"), assign(std::string(5000, 'x')));
  perform(a(), a().core.round(0));
  for (int i = 0; i < 5; ++i)
    step();
  EXPECT_EQ(status_of(b(), a()).pending, 1u);
  b().core.remove_peer(a().session);
  b().core.add_peer(a().session);

  pump();

  EXPECT_EQ(b().values.size(), 1u);
  EXPECT_EQ(status_of(b(), a()).pending, 0u);
}

TEST_F(GossipPieces, APeerThatTakesNoPieceIsNotAskedOnAndOn) {
  make_equal(a(), b());
  write(a(), register_key("large"), assign(std::string(5000, 'x')));
  auto effects = a().core.round(0);

  int times = 0;
  for (; !effects.empty() && times < 10; ++times) {
    const auto sent = std::get<send_message>(effects.front());
    const auto m = std::get<message>(decode_message(sent.bytes));
    const answer no{b().session, a().session, m.sequence, verdict::start_over};
    ASSERT_TRUE(a().core.receive_answer(b().session, no));
    effects = a().core.answered(b().session, no);
  }

  EXPECT_EQ(times, 1);
  EXPECT_TRUE(a().core.was_put_off());
  EXPECT_EQ(status_of(b(), a()).pending, 1u);
  a().core.ask_again();
  round(a());
  expect_equal(a(), b());
}

TEST_F(GossipPieces, APieceAcknowledgesNothingThoughItsPeerWasGoneMeanwhile) {
  make_equal(a(), b());
  write(a(), register_key("large"), assign(std::string(5000, 'x')));
  perform(a(), a().core.round(0));
  step();
  const auto piece = std::get<send_message>(waiting.front().second);
  waiting.pop_front();
  const auto m = std::get<message>(decode_message(piece.bytes));
  const auto back = std::get<answer>(decode_answer(receive(b(), m)));

  a().core.remove_peer(b().session);
  ASSERT_TRUE(a().core.receive_answer(b().session, back));
  EXPECT_TRUE(a().core.answered(b().session, back).empty());
  a().core.add_peer(b().session);

  EXPECT_TRUE(status_of(b(), a()).behind || status_of(b(), a()).pending > 0);
  settle();
  expect_equal(a(), b());
}

TEST_F(GossipPieces, AValueThatIsTooLargeForAPeerKeepsNothingElseFromIt) {
  make_equal(a(), b());
  write(a(), register_key("huge"), assign(std::string(most + 1, 'x')));
  write(a(), register_key("small"), assign("x"));

  round(a());

  EXPECT_EQ(refused_keys, std::vector{register_key("huge")});
  EXPECT_EQ(b().values.size(), 1u);
  EXPECT_EQ(status_of(b(), a()).pending, 0u);
  EXPECT_EQ(status_of(b(), a()).refused, 1u) << "and that is known";
  EXPECT_TRUE(status_of(b(), a()).is_lacking());
  EXPECT_EQ(a().core.refused_by(b().session), std::set{register_key("huge")});
}

TEST_F(GossipPieces, AValueThatAPeerDoesNotTakeIsToldOfOnceAndUntilItHasItAllTheSame) {
  make_equal(a(), b());
  write(a(), register_key("huge"), assign(std::string(most + 1, 'x')));
  round(a());
  write(a(), register_key("huge"), assign(std::string(most + 1, 'y')));
  round(a());

  EXPECT_EQ(refused_keys.size(), 1u);
  EXPECT_EQ(status_of(b(), a()).refused, 1u);
  EXPECT_TRUE(status_of(a(), b()).brought_too_much) << "who lacks it knows, too";
  EXPECT_GT(b().core.not_taken(), 0u);
  write(a(), register_key("huge"), assign("z"));
  settle();
  round(a());
  round(b());

  expect_equal(a(), b());
  EXPECT_EQ(status_of(b(), a()).refused, 0u);
  EXPECT_FALSE(status_of(a(), b()).brought_too_much);
}

// A set is larger than all that may be put together.

TEST_F(GossipPieces, ADeltaOfASetGoesInPartsThatAreJoinedOneByOne) {
  make_equal(a(), b());
  crdt::set_change many;
  for (int i = 0; i < 1000; ++i)
    many.add.push_back({member("fruit number " + std::to_string(i)), std::nullopt});
  write(a(), fruits, many);
  EXPECT_GT(a().values.at(fruits).footprint(), 2 * most);

  perform(a(), a().core.round(0));
  for (int i = 0; i < 20; ++i)
    step();
  const auto some = b().values.at(fruits).as<crdt::or_set>().cardinality();
  EXPECT_GT(some, 50u);
  EXPECT_LT(some, 1000u);
  is_lost = [](const message&) { return true; };
  pump();
  is_lost = [](const message&) { return false; };
  messages = 0;
  settle();

  expect_equal(a(), b());
  EXPECT_TRUE(refused_keys.empty());
  EXPECT_LE(largest, message_bytes + 100);
  EXPECT_LE(messages, 2 * (1000 - some) / 5) << "what was acknowledged is not sent again";
}

TEST_F(GossipPieces, SetsThatOutgrowEverythingByMergingReachAllAndWhoIsNew) {
  for (auto* n : {&a(), &b()})
    for (int i = 0; i < 300; ++i)
      write(*n, fruits, add(std::to_string(n->session.value) + " number " + std::to_string(i)));
  for (int i = 0; i < 300; i += 2)
    write(b(), fruits, remove("2 number " + std::to_string(i)));

  make_equal(a(), b());
  EXPECT_GT(a().values.at(fruits).footprint(), most);
  EXPECT_EQ(a().values.at(fruits).as<crdt::or_set>().cardinality(), 450u);
  introduce(b(), c());
  settle();
  write(c(), fruits, remove("1 number 7"));
  write(c(), fruits, add("kiwi"));
  settle();

  expect_equal(a(), b());
  expect_equal(b(), c());
  EXPECT_TRUE(refused_keys.empty());
  for (auto* n : {&a(), &b(), &c()})
    for (const auto& p : n->core.status())
      EXPECT_FALSE(p.is_lacking());
}

TEST_F(GossipPieces, SetsOfWhichTooMuchDiffersAreMendedInParts) {
  for (int i = 0; i < 1000; ++i)
    write(a(), fruits, add("fruit number " + std::to_string(i)));
  make_equal(a(), b());
  for (auto* n : {&a(), &b()})
    for (auto* other : {&a(), &b()})
      n->core.remove_peer(other->session);
  for (int i = 0; i < 1000; i += 3) {
    write(a(), fruits, remove("fruit number " + std::to_string(i)));
    write(b(), fruits, add("fruit number " + std::to_string(i + 1)));
  }
  introduce(a(), b());
  settle();

  expect_equal(a(), b());
  EXPECT_TRUE(refused_keys.empty());
}

TEST_F(GossipPieces, NorDoesItInARepair) {
  write(a(), register_key("huge"), assign(std::string(most + 1, 'x')));
  write(a(), register_key("small"), assign("x"));
  introduce(a(), b());

  round(a());

  EXPECT_EQ(refused_keys, std::vector{register_key("huge")});
  EXPECT_EQ(b().values.size(), 1u);
  EXPECT_FALSE(status_of(b(), a()).behind);
}

TEST_F(GossipPieces, RoomForPiecesIsBoundedAndSomebodyWaits) {
  introduce(a(), b());
  introduce(b(), c());
  settle();
  write(a(), register_key("a"), assign(std::string(6000, 'x')));
  write(c(), register_key("c"), assign(std::string(6000, 'y')));
  perform(a(), a().core.rounds({}));
  perform(c(), c().core.rounds({}));

  pump();
  settle();

  for (const auto* n : {&a(), &b(), &c()})
    EXPECT_EQ(n->values.size(), 2u);
}

// -- large sets --

TEST_F(GossipRepair, OfALargeSetOnlyTheRowsThatDifferTravel) {
  for (int i = 0; i < 2000; ++i)
    write(a(), fruits, add("fruit number " + std::to_string(i)));
  make_equal(a(), b());
  for (auto* n : {&a(), &b()})
    for (auto* other : {&a(), &b()})
      n->core.remove_peer(other->session);
  write(a(), fruits, add("apple"));
  write(b(), fruits, add("banana"));
  write(b(), fruits, remove("fruit number 7"));
  states_of.clear();
  bytes = 0;
  introduce(a(), b());

  round(a());

  expect_equal(a(), b());
  EXPECT_TRUE(states_of.empty()) << "never whole";
  EXPECT_LT(bytes, a().values.at(fruits).encode().size() / 20);
  EXPECT_GE(a().core.repairs().values, 1u);
  const auto& set = a().values.at(fruits).as<crdt::or_set>();
  EXPECT_TRUE(set.contains(member("banana")));
  EXPECT_FALSE(set.contains(member("fruit number 7")));
}

TEST_F(GossipRepair, ALargeSetThatThePeerDoesNotHaveTravels) {
  for (int i = 0; i < 2000; ++i)
    write(b(), fruits, add("fruit number " + std::to_string(i)));
  introduce(a(), b());

  round(a());

  expect_equal(a(), b());
  EXPECT_LE(largest, usual.message_bytes + 200);
}

TEST_F(GossipRepair, ASetThatChangesWhileItIsComparedLosesNothing) {
  for (int i = 0; i < 500; ++i)
    write(a(), fruits, add("fruit number " + std::to_string(i)));
  make_equal(a(), b());
  for (auto* n : {&a(), &b()})
    for (auto* other : {&a(), &b()})
      n->core.remove_peer(other->session);
  write(a(), fruits, add("apple"));
  write(b(), fruits, add("banana"));
  introduce(a(), b());

  perform(a(), a().core.round(0));
  for (int i = 0; !waiting.empty(); ++i) {
    write(a(), fruits, add("early " + std::to_string(i)));
    write(b(), fruits, i % 2 == 0 ? remove("fruit number 7") : add("fruit number 7"));
    step();
  }
  settle();

  expect_equal(a(), b());
  const auto& set = a().values.at(fruits).as<crdt::or_set>();
  for (const auto* name : {"apple", "banana", "early 0", "early 1"})
    EXPECT_TRUE(set.contains(member(name))) << name;
}

TEST_F(GossipRepair, ASetThatCannotBeComparedTravelsWhole) {
  for (int i = 0; i < 200; ++i)
    write(a(), fruits, add("fruit number " + std::to_string(i)));
  write(b(), fruits, add("banana"));
  introduce(a(), b());
  perform(a(), a().core.round(0));
  while (!std::holds_alternative<send_message>(waiting.front().second) ||
         !std::get<message>(decode_message(std::get<send_message>(waiting.front().second).bytes))
              .comparison)
    step();
  step();
  b().core.remove_peer(a().session); // which forgets the comparison
  b().core.add_peer(a().session);

  pump();

  EXPECT_EQ(states_of[fruits], 1);
  EXPECT_FALSE(status_of(b(), a()).behind);
  settle();
  expect_equal(a(), b());
}

// -- audits --

TEST_F(GossipRepair, WhatWasLostWithoutNoticeIsFoundAndMended) {
  for (int i = 0; i < 300; ++i)
    write(a(), register_key(std::to_string(i)), assign("x"));
  make_equal(a(), b());
  damage(b(), register_key("7"));
  damage(a(), register_key("8"));

  for (int i = 0; i < 12; ++i)
    round(a());

  expect_equal(a(), b());
  EXPECT_EQ(a().values.size(), 300u);
  EXPECT_EQ(a().core.repairs().findings, 1u);
}

TEST_F(GossipRepair, NoAuditWhereNothingDiffers) {
  for (int i = 0; i < 300; ++i)
    write(a(), register_key(std::to_string(i)), assign("x"));
  make_equal(a(), b());
  bytes = 0;

  round(a());

  EXPECT_LT(bytes, 200u);
}

TEST_F(GossipRepair, WhatWasLostIsFoundUnderConstantLoad) {
  for (int i = 0; i < 300; ++i)
    write(a(), register_key(std::to_string(i)), assign("x"));
  make_equal(a(), b());
  damage(b(), register_key("7"));

  int rounds = 0;
  for (; rounds < 200 && !b().values.contains(register_key("7")); ++rounds) {
    for (int i = 0; i < 20; ++i) {
      write(a(), register_key("busy " + std::to_string(rounds % 7) + std::to_string(i)),
            assign("y"));
      write(b(), register_key("hot " + std::to_string(i)), assign("y"));
    }
    a().core.tick();
    perform(a(), a().core.round(0));
    write(a(), register_key("always " + std::to_string(rounds % 3)),
          assign("z")); // the log is never empty
    pump();
  }

  EXPECT_LT(rounds, 40);
  EXPECT_LE(a().core.repairs().findings, 2u);
}

} // namespace
} // namespace starling::replication
