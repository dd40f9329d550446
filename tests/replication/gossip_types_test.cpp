// Two nodes of which one knows a type that the other does not: what both know flows and is
// compared, and comes to an end.

#include "tests/replication/gossip_fixture.hpp"

namespace starling::replication {
namespace {

/// A version that does not know sets.
const dialect earlier = [] {
  dialect result;
  result.reads.erase(crdt::type::set);
  return result;
}();

crdt::key set_key(std::string name) {
  return {crdt::type::set, std::move(name)};
}

crdt::value set_of(const std::string& member) {
  crdt::or_set result;
  result.add(replica, {crdt::payload_kind::text, member});
  return result;
}

/// A core with its values, as a node has them.
struct node {
  session_id id;
  gossip core;
  std::map<crdt::key, crdt::value> values{};
  std::size_t items = 0; // that it was sent

  void write(const crdt::key& key, const crdt::value& delta, std::optional<session_id> from = {}) {
    auto& value = values.try_emplace(key, key.type).first->second;
    if (const auto news = value.join(delta))
      core.record(key, *news, digests.digest_of(key, value), from);
  }
};

/// Carries out what a node wants done, until there is nothing more.
void carry_out(node& from, node& to, std::vector<effect> todo) {
  while (!todo.empty()) {
    auto next = std::move(todo.front());
    todo.erase(todo.begin());
    std::vector<effect> more;
    if (const auto* read = std::get_if<read_states>(&next)) {
      std::vector<encoded_item> states;
      for (const auto& k : read->keys)
        states.push_back({k, from.values.at(k).encode()});
      more = from.core.states_read(to.id, std::move(states));
    } else if (const auto* sent = std::get_if<send_message>(&next)) {
      const auto& theirs = to.id == bob ? earlier : dialect{};
      auto m = std::get<message>(decode_message(sent->bytes, theirs));
      auto taken = to.core.receive(std::move(m));
      std::string bytes;
      if (auto* at_once = std::get_if<gossip::reply>(&taken)) {
        bytes = at_once->bytes;
      } else {
        auto& in = std::get<gossip::incoming>(taken);
        to.items += in.items.size() + in.head.skipped;
        for (const auto& [key, part] : in.items)
          to.write(key, part, from.id);
        std::string state;
        if (in.wanted)
          if (const auto found = to.values.find(*in.wanted); found != to.values.end())
            state = found->second.encode();
        auto reply = to.core.joined(in, state);
        bytes = reply.bytes;
        carry_out(to, from, std::move(reply.effects));
      }
      const auto& ours = from.id == bob ? earlier : dialect{};
      const auto a = std::get<answer>(decode_answer(bytes, ours));
      from.items += a.items.size() + a.skipped;
      if (const auto items = from.core.receive_answer(to.id, a))
        for (const auto& [key, part] : *items)
          from.write(key, part, to.id);
      more = from.core.answered(to.id, a);
    }
    todo.insert(todo.end(), std::make_move_iterator(more.begin()),
                std::make_move_iterator(more.end()));
  }
}

class GossipTypes : public ::testing::Test {
protected:
  GossipTypes() {
    ann.core.keeps_since(ann.id);
    old.core.keeps_since(old.id);
  }

  void meet() {
    ann.core.add_peer(old.id, {.reads = earlier.reads});
    old.core.add_peer(ann.id);
  }

  void round() {
    for (auto* from : {&ann, &old}) {
      auto& to = from == &ann ? old : ann;
      from->core.tick();
      carry_out(*from, to, from->core.round(0));
    }
  }

  void rounds(int count) {
    while (count-- > 0)
      round();
  }

  static gossip_limits limits(const dialect& ours) { return {.ours = ours}; }

  node ann{self, gossip{self, limits({}), digests}};
  node old{bob, gossip{bob, limits(earlier), digests}};
};

TEST_F(GossipTypes, WhatBothReadFlowsAndComparingEnds) {
  ann.write(set_key("s"), set_of("x"));
  ann.write(key("a"), write(1));
  old.write(key("b"), write(2));
  meet();
  rounds(20);

  EXPECT_TRUE(old.values.contains(key("a")));
  EXPECT_TRUE(ann.values.contains(key("b")));
  EXPECT_EQ(old.values.count(set_key("s")), 0u);
  EXPECT_EQ(old.core.skipped(), 0u) << "what nobody there reads is not sent";
  EXPECT_EQ(old.core.kept_since(self), self);
  EXPECT_EQ(ann.core.kept_since(bob), bob) << "it has skipped nothing";

  const auto walks = ann.core.repairs().walks + old.core.repairs().walks;
  const auto items = ann.items + old.items;
  rounds(30);
  EXPECT_EQ(ann.core.repairs().walks + old.core.repairs().walks, walks);
  EXPECT_EQ(ann.core.repairs().findings + old.core.repairs().findings, 0u);
  EXPECT_EQ(ann.items + old.items, items);
  for (const auto* one : {&ann, &old})
    for (const auto& status : one->core.status())
      EXPECT_FALSE(status.is_lacking());
}

TEST_F(GossipTypes, WritesOfATypeThatThePeerDoesNotReadLeaveNothingToDo) {
  ann.write(key("a"), write(1));
  meet();
  rounds(5);
  ann.write(set_key("s"), set_of("x"));
  EXPECT_FALSE(ann.core.may_prompt());
  EXPECT_EQ(ann.core.log().size(), 0u) << "nobody waits for it";
  EXPECT_FALSE(ann.core.status().front().is_lacking());
  ann.write(key("b"), write(2));
  rounds(2);
  EXPECT_TRUE(old.values.contains(key("b")));
  EXPECT_EQ(old.core.skipped(), 0u);
}

TEST_F(GossipTypes, WhatIsLostOfATypeThatBothReadIsFoundAllTheSame) {
  for (int i = 0; i < 50; ++i) {
    ann.write(key("k" + std::to_string(i)), write(1));
    ann.write(set_key("s" + std::to_string(i)), set_of("x"));
  }
  meet();
  rounds(20);
  ASSERT_EQ(old.values.size(), 50u);
  old.values.erase(key("k7"));
  old.core.lose(key("k7"));
  rounds(60);
  EXPECT_TRUE(old.values.contains(key("k7")));
  EXPECT_EQ(old.core.skipped(), 0u);
}

TEST_F(GossipTypes, WhoDoesNotReadATypeHasAllOnlyWhileThereIsNoKeyOfIt) {
  ann.write(key("a"), write(1));
  meet();
  rounds(5);
  EXPECT_EQ(ann.core.had_all_and_kept_it_since(bob), bob);
  EXPECT_FALSE(ann.core.reads_all_of_ours(bob));
  EXPECT_TRUE(old.core.reads_all_of_ours(self));
}

TEST_F(GossipTypes, WhoDoesNotReadAKeyNeverHadAll) {
  ann.write(key("a"), write(1));
  ann.write(set_key("s"), set_of("x"));
  meet();
  rounds(20);
  EXPECT_EQ(ann.core.had_all_and_kept_it_since(bob), std::nullopt);
  EXPECT_EQ(old.core.had_all_and_kept_it_since(self), self) << "as far as this one reads";
  EXPECT_FALSE(ann.core.status().at(0).is_whole);
  EXPECT_TRUE(old.core.status().at(0).is_whole);
}

TEST_F(GossipTypes, WhoLostSomethingSeesThatItHasCaughtUpWithOneThatKnowsMore) {
  old.core.lacks_data(true);
  ann.write(key("a"), write(1));
  ann.write(set_key("s"), set_of("x"));
  meet();
  rounds(20);
  EXPECT_TRUE(old.core.has_caught_up_with(self));
}

TEST_F(GossipTypes, WhoReadsMoreThanItsProfileSaysGetsAllOfItOnceItIsHeard) {
  ann.core.add_peer(old.id, {.reads = {}});
  ann.write(key("a"), write(1));
  ann.write(key("b"), write(2));
  old.core.add_peer(ann.id);
  rounds(5);
  EXPECT_TRUE(old.values.contains(key("a")));
  EXPECT_TRUE(old.values.contains(key("b")));
}

TEST_F(GossipTypes, MessagesAreWrittenInTheVersionOfThePeerAndAnsweredInTheirs) {
  gossip core{self, {.ours = {.speaks = {5, 7}}}, digests};
  core.add_peer(bob, {.version = 6});
  const auto sent = only<send_message>(core.round(0));
  EXPECT_EQ(sent.bytes[0], 6);
  message m{eve, self, 1};
  m.version = 7;
  const auto in = core.receive(m);
  EXPECT_EQ(core.joined(std::get<gossip::incoming>(in)).bytes[0], 7);
  m.to = bob;
  EXPECT_EQ(std::get<gossip::reply>(core.receive(m)).bytes[0], 7);
}

} // namespace
} // namespace starling::replication
