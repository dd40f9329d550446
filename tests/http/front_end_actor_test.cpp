// The actor of the front end, one message at a time.

#include "dummy_node.hpp"
#include "loopback.hpp"

#include <caf/actor_cast.hpp>

#include <future>

namespace starling::http {
namespace {

using namespace std::chrono_literals;
using actors::counter_view;
using actors::errc;
using actors::increment;
using actors::make_member;

class FrontEndActor : with_types, public actors::actor_test {
protected:
  void spawn(const node_script& script = {}, std::size_t waiting_bytes_max = 1 << 20) {
    node.emplace(sys, script);
    for (const auto& shard : node->shards)
      track(shard);
    track(node->gossip);
    track(node->membership);
    auto context = node->context();
    context.waiting_bytes_max = waiting_bytes_max;
    actor = track(spawn_front_end(sys, context));
  }

  /// Sends the actor a question with a way back.
  template <class... Ts>
  std::future<answer> open(Ts... question) {
    auto promise = std::make_shared<std::promise<answer>>();
    auto result = promise->get_future();
    caf::anon_send(actor, std::move(question)..., reply_to<answer>{std::move(promise)});
    return result;
  }

  template <class... Ts>
  std::future<answer> start(Ts... question) {
    auto result = open(std::move(question)...);
    settle();
    return result;
  }

  static bool is_ready(const std::future<answer>& future) {
    return future.wait_for(0s) == std::future_status::ready;
  }

  /// The T that was answered; fails the test without one.
  template <class T>
  static T take(std::future<answer> future) {
    if (!is_ready(future)) {
      ADD_FAILURE() << "no answer";
      return T{};
    }
    auto a = future.get();
    EXPECT_TRUE(std::holds_alternative<T>(a)) << a.index();
    return std::holds_alternative<T>(a) ? std::get<T>(std::move(a)) : T{};
  }

  static void expect_broken(std::future<answer> future) {
    ASSERT_TRUE(is_ready(future));
    EXPECT_THROW(future.get(), std::future_error);
  }

  void end() {
    caf::anon_send_exit(actor, caf::exit_reason::user_shutdown);
    settle();
  }

  std::optional<dummy_node> node;
  front_end_actor actor;
};

TEST_F(FrontEndActor, AnswersARead) {
  spawn();

  EXPECT_EQ(take<crdt::view>(start(counter("four"), crdt::query{})), counter_view(4));
}

TEST_F(FrontEndActor, HandsOnWhatAReadAsksFor) {
  spawn();

  const auto seen =
      take<crdt::view>(start(counter("four"), crdt::query{crdt::member_page{"apple", 17}}));

  EXPECT_EQ(seen, crdt::view{(crdt::page_view{{{}, 17}, {}})});
}

TEST_F(FrontEndActor, AnswersAWrite) {
  spawn();

  EXPECT_EQ(take<crdt::view>(start(counter("four"), increment(7))), counter_view(7));
}

TEST_F(FrontEndActor, LetsNoMoreWaitForAKeyThanItMay) {
  spawn({}, 10'000);
  auto first = start(counter("mute"), increment(1));
  auto second = start(counter("mute"), crdt::query{});
  ASSERT_FALSE(is_ready(first));
  ASSERT_FALSE(is_ready(second)) << "there is room for two";

  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(take<caf::error>(start(counter("mute"), increment(1))), errc::key_busy);
    EXPECT_EQ(take<caf::error>(start(counter("mute"), crdt::query{})), errc::key_busy);
  }
  EXPECT_EQ(take<crdt::view>(start(counter("four"), increment(7))), counter_view(7))
      << "other keys go on";

  for (const auto& shard : node->shards)
    tell(shard, actors::flush_atom_v);
  EXPECT_EQ(take<crdt::view>(std::move(first)), counter_view(99));
  EXPECT_EQ(take<crdt::view>(std::move(second)), counter_view(99));
  EXPECT_FALSE(is_ready(start(counter("mute"), increment(1)))) << "there is room again";
}

TEST_F(FrontEndActor, CountsWhatAWriteCarries) {
  spawn({}, 1 << 20);
  const auto large = crdt::command{crdt::register_assign{{{}, std::string(600'000, 'x')}}};
  const crdt::key mute{crdt::type::register_, "mute"};
  const auto first = start(mute, large);

  EXPECT_EQ(take<caf::error>(start(mute, large)), errc::key_busy);
  EXPECT_FALSE(is_ready(start(mute, crdt::query{}))) << "a small one has room";
}

TEST_F(FrontEndActor, AnErrorLeavesTheLine) {
  spawn({}, 1);
  for (int i = 0; i < 3; ++i)
    EXPECT_EQ(take<caf::error>(start(counter("full"), increment(1))), errc::disk_full);
}

TEST_F(FrontEndActor, AsksTheShardOfTheKey) {
  spawn();
  const auto shards = node->context().shards;
  caf::anon_send_exit(node->shards[0], caf::exit_reason::kill);
  settle();

  int answered = 0;
  for (int i = 0; i < 20; ++i) {
    const auto key = counter(std::to_string(i));
    const auto a = start(key, crdt::query{}).get();
    EXPECT_EQ(std::holds_alternative<crdt::view>(a), shards.of(key) != shards.all()[0]);
    answered += std::holds_alternative<crdt::view>(a);
  }
  EXPECT_GT(answered, 0);
  EXPECT_LT(answered, 20);
}

TEST_F(FrontEndActor, HandsOnWhyAnActorRefused) {
  spawn();

  EXPECT_EQ(take<caf::error>(start(counter("unknown"), crdt::query{})), errc::no_such_key);
  EXPECT_EQ(take<caf::error>(start(counter("range"), increment(1))), errc::counter_range);
  EXPECT_EQ(take<caf::error>(start(counter("exhausted"), increment(1))), errc::exhausted);
  EXPECT_EQ(take<caf::error>(start(counter("large"), increment(1))), errc::value_too_large);
}

TEST_F(FrontEndActor, LeavesTheReplyOpenWhileAShardIsSilent) {
  spawn();
  auto read = start(counter("mute"), crdt::query{});
  auto write = start(counter("mute"), increment(1));
  advance(1h);
  EXPECT_FALSE(is_ready(read));
  EXPECT_FALSE(is_ready(write));
  EXPECT_EQ(take<crdt::view>(start(counter("four"), crdt::query{})), counter_view(4));

  for (const auto& shard : node->shards)
    tell(shard, actors::flush_atom_v);

  EXPECT_EQ(take<crdt::view>(std::move(read)), counter_view(99));
  EXPECT_EQ(take<crdt::view>(std::move(write)), counter_view(99));
}

TEST_F(FrontEndActor, DropsAnAnswerThatNobodyWaitsFor) {
  spawn();
  start(counter("mute"), crdt::query{});

  for (const auto& shard : node->shards)
    tell(shard, actors::flush_atom_v);

  EXPECT_EQ(take<crdt::view>(start(counter("four"), crdt::query{})), counter_view(4));
}

TEST_F(FrontEndActor, AnswersWithAnErrorWhenTheShardEnds) {
  spawn();
  auto before = start(counter("mute"), crdt::query{});
  for (const auto& shard : node->shards)
    caf::anon_send_exit(shard, caf::exit_reason::kill);
  settle();

  EXPECT_TRUE(take<caf::error>(std::move(before)));
  EXPECT_TRUE(take<caf::error>(start(counter("four"), crdt::query{})));
}

TEST_F(FrontEndActor, BreaksTheRepliesUnderWayWhenItEnds) {
  spawn({.gossip = {}});
  auto read = start(counter("mute"), crdt::query{});
  auto write = start(counter("mute"), increment(1));
  auto report = start(report_atom_v);

  end();

  expect_broken(std::move(read));
  expect_broken(std::move(write));
  expect_broken(std::move(report));
}

TEST_F(FrontEndActor, BreaksTheRepliesOfQuestionsThatItDidNotReadWhenItEnds) {
  spawn();
  settle();
  auto before = open(counter("four"), crdt::query{});
  caf::anon_send_exit(actor, caf::exit_reason::kill); // goes before other messages
  auto after = open(report_atom_v);
  settle();

  expect_broken(std::move(before));
  expect_broken(std::move(after));
}

TEST_F(FrontEndActor, BreaksRepliesAfterItsEndAtOnce) {
  spawn();
  end();

  expect_broken(start(counter("four"), crdt::query{}));
  expect_broken(start(report_atom_v));
}

TEST_F(FrontEndActor, GathersAReportFromAllActors) {
  spawn();

  const auto report = take<node_report>(start(report_atom_v));

  EXPECT_EQ(report.gossip.keys, 7u);
  EXPECT_EQ(report.gossip.log_entries, 5u);
  EXPECT_EQ(report.membership.self, make_member("self:1", 1));
  EXPECT_EQ(report.membership.peers.size(), 5u);
}

TEST_F(FrontEndActor, GivesNoReportWhileOneActorIsSilent) {
  for (const auto& script : {node_script{.first_shard = {}}, node_script{.second_shard = {}},
                             node_script{.gossip = {}}, node_script{.membership = {}}}) {
    spawn(script);
    const auto report = start(report_atom_v);
    advance(1h);
    EXPECT_FALSE(is_ready(report));
  }
}

TEST_F(FrontEndActor, FailsAReportOnceThoughSeveralActorsFail) {
  spawn({.first_shard = some_error,
         .second_shard = some_error,
         .gossip = some_error,
         .membership = some_error});
  EXPECT_EQ(take<caf::error>(start(report_atom_v)), some_error);

  spawn({.first_shard = some_error, .second_shard = std::uint64_t{1}, .membership = some_error});
  EXPECT_EQ(take<caf::error>(start(report_atom_v)), some_error);
  EXPECT_EQ(take<crdt::view>(start(counter("four"), crdt::query{})), counter_view(4));
}

TEST_F(FrontEndActor, MergesTheKeysOfAllShards) {
  spawn({.first_list = std::vector{counter("b"), counter("d")},
         .second_list = std::vector{counter("a"), counter("c")}});
  const auto list = [&](std::size_t limit) {
    return take<crdt::key_page>(start(crdt::key_query{.limit = limit}));
  };

  EXPECT_EQ(list(3), (crdt::key_page{{counter("a"), counter("b"), counter("c")}, true}));
  EXPECT_EQ(list(4).keys.size(), 4u);
  EXPECT_FALSE(list(4).more);
}

TEST_F(FrontEndActor, AsksAllShardsForTheSameKeys) {
  spawn({.first_list = std::vector{counter("b1"), counter("b3"), counter("c")},
         .second_list = std::vector{counter("a"), counter("b2"), counter("c")}});

  const auto page = take<crdt::key_page>(start(crdt::key_query{
      .type = crdt::type::counter, .prefix = "b", .after = counter("b1"), .limit = 9}));

  EXPECT_EQ(page, (crdt::key_page{{counter("b2"), counter("b3")}, false}));
}

TEST_F(FrontEndActor, SeesThatThereIsMoreThoughAllOfItIsInOneShard) {
  spawn({.first_list = std::vector{counter("a"), counter("b")}});

  EXPECT_EQ(take<crdt::key_page>(start(crdt::key_query{.limit = 1})),
            (crdt::key_page{{counter("a")}, true}));
}

TEST_F(FrontEndActor, ListsNoKeysWhileAShardIsSilentOrFails) {
  spawn({.second_list = {}});
  const auto waiting = start(crdt::key_query{.limit = 1});
  advance(1h);
  EXPECT_FALSE(is_ready(waiting));

  spawn({.first_list = some_error, .second_list = some_error});
  EXPECT_EQ(take<caf::error>(start(crdt::key_query{.limit = 1})), some_error);
  EXPECT_EQ(take<crdt::view>(start(counter("four"), crdt::query{})), counter_view(4));
}

} // namespace
} // namespace starling::http
