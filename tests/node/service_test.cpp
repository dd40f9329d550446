// The service, one message at a time.

#include "dummy_node.hpp"
#include "node/service.hpp"

#include <gmock/gmock.h>
#include <numeric>

namespace starling::node {
namespace {

using namespace std::chrono_literals;
using actors::counter_view;
using actors::increment;
using actors::make_member;
using testing::ElementsAre;

struct with_types {
  with_types() { register_types(); }
};

/// What a call is told; nothing as long as it waits.
template <class T>
using told = std::shared_ptr<std::optional<T>>;

class Service : with_types, public actors::actor_test {
protected:
  void spawn(const node_script& script = {}, std::size_t waiting_bytes_max = 1 << 20) {
    node.emplace(sys, script);
    for (const auto& shard : node->shards)
      track(shard);
    track(node->gossip);
    track(node->membership);
    auto context = node->context();
    context.waiting_bytes_max = waiting_bytes_max;
    door.emplace(sys, context, 5s);
  }

  /// Makes a call, and does not let anybody work.
  template <class T, class Call>
  static told<T> open(Call call) {
    auto result = std::make_shared<std::optional<T>>();
    call([result](T came) {
      EXPECT_FALSE(*result) << "told twice";
      *result = std::move(came);
    });
    return result;
  }

  told<outcome<crdt::view>> open_read(const crdt::key& key, const crdt::query& q = {}) {
    return open<outcome<crdt::view>>([&](auto tell) { door->read(key, q, tell); });
  }

  auto read(const crdt::key& key, const crdt::query& q = {}) {
    auto result = open_read(key, q);
    settle();
    return result;
  }

  auto write(const crdt::key& key, const crdt::command& c = increment(1)) {
    auto result = open<outcome<crdt::view>>([&](auto tell) { door->write(key, c, tell); });
    settle();
    return result;
  }

  auto write(std::vector<write_order> orders) {
    auto result = open<write_outcomes>([&](auto tell) { door->write(std::move(orders), tell); });
    settle();
    return result;
  }

  auto keys(const crdt::key_query& q) {
    auto result = open<outcome<crdt::key_page>>([&](auto tell) { door->keys(q, tell); });
    settle();
    return result;
  }

  auto open_report() {
    return open<outcome<node_report>>([&](auto tell) { door->report(tell); });
  }

  auto report() {
    auto result = open_report();
    settle();
    return result;
  }

  auto refuse_writes() {
    auto result = open<bool>([&](auto tell) { door->refuse_writes(tell); });
    settle();
    return result;
  }

  /// The T that was told; fails the test without one.
  template <class T, class Outcome>
  static T take(const told<Outcome>& came) {
    if (!*came) {
      ADD_FAILURE() << "no answer";
      return T{};
    }
    EXPECT_TRUE(std::holds_alternative<T>(**came)) << (**came).index();
    return std::holds_alternative<T>(**came) ? std::get<T>(**came) : T{};
  }

  template <class Outcome>
  static service_error error_of(const told<Outcome>& came) {
    return take<service_error>(came);
  }

  static crdt::view view_of(const told<outcome<crdt::view>>& came) {
    return take<crdt::view>(came);
  }

  void answer_what_waits() {
    for (const auto& shard : node->shards)
      tell(shard, actors::flush_atom_v);
  }

  void end() {
    door.reset();
    settle();
  }

  std::optional<dummy_node> node;
  std::optional<service> door;
};

TEST_F(Service, AnswersARead) {
  spawn();

  EXPECT_EQ(view_of(read(counter("four"))), counter_view(4));
}

TEST_F(Service, HandsOnWhatAReadAsksFor) {
  spawn();

  const auto seen = view_of(read(counter("four"), crdt::member_page{"apple", 17}));

  EXPECT_EQ(seen, crdt::view{(crdt::page_view{{{}, 17}, {}})});
}

TEST_F(Service, AnswersAWrite) {
  spawn();

  EXPECT_EQ(view_of(write(counter("four"), increment(7))), counter_view(7));
}

TEST_F(Service, LetsNoMoreWaitForAKeyThanItMay) {
  spawn({}, 10'000);
  auto first = write(counter("mute"));
  auto second = read(counter("mute"));
  ASSERT_FALSE(*first);
  ASSERT_FALSE(*second) << "there is room for two";

  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(error_of(write(counter("mute"))), service_error::key_busy);
    EXPECT_EQ(error_of(read(counter("mute"))), service_error::key_busy);
  }
  EXPECT_EQ(view_of(write(counter("four"), increment(7))), counter_view(7)) << "other keys go on";

  answer_what_waits();
  EXPECT_EQ(view_of(first), counter_view(99));
  EXPECT_EQ(view_of(second), counter_view(99));
  EXPECT_FALSE(*write(counter("mute"))) << "there is room again";
}

TEST_F(Service, CountsWhatAWriteCarries) {
  spawn({}, 1 << 20);
  const auto large = crdt::command{crdt::register_assign{{{}, std::string(600'000, 'x')}}};
  const crdt::key mute{crdt::type::register_, "mute"};
  const auto first = write(mute, large);

  EXPECT_EQ(error_of(write(mute, large)), service_error::key_busy);
  EXPECT_FALSE(*read(mute)) << "a small one has room";
}

TEST_F(Service, AnErrorLeavesTheLine) {
  spawn({}, 1);
  for (int i = 0; i < 3; ++i)
    EXPECT_EQ(error_of(write(counter("full"))), service_error::disk_full);
}

TEST_F(Service, AsksTheShardOfTheKey) {
  spawn();
  const auto shards = node->context().shards;
  caf::anon_send_exit(node->shards[0], caf::exit_reason::kill);
  settle();

  int answered = 0;
  for (int i = 0; i < 20; ++i) {
    const auto key = counter(std::to_string(i));
    const bool has_view = std::holds_alternative<crdt::view>(read(key)->value());
    EXPECT_EQ(has_view, shards.route(key) != shards.all()[0]);
    answered += has_view ? 1 : 0;
  }
  EXPECT_GT(answered, 0);
  EXPECT_LT(answered, 20);
}

TEST_F(Service, HandsOnWhyAnActorRefused) {
  spawn();

  EXPECT_EQ(error_of(read(counter("unknown"))), service_error::no_such_key);
  EXPECT_EQ(error_of(write(counter("range"))), service_error::counter_range);
  EXPECT_EQ(error_of(write(counter("exhausted"))), service_error::exhausted);
  EXPECT_EQ(error_of(write(counter("large"))), service_error::value_too_large);
  EXPECT_EQ(error_of(write(counter("full"))), service_error::disk_full);
  EXPECT_EQ(error_of(write(counter("failed"))), service_error::disk_failed);
  EXPECT_EQ(error_of(write(counter("unreadable"))), service_error::unreadable);
  EXPECT_EQ(error_of(write(counter("perhaps"))), service_error::write_unknown);
  EXPECT_EQ(error_of(read(counter("mending"))), service_error::being_mended);
  EXPECT_EQ(error_of(read(counter("broken"))), service_error::internal);
}

TEST_F(Service, LeavesTheReplyOpenWhileAShardIsSilent) {
  spawn();
  const auto a_read = read(counter("mute"));
  const auto a_write = write(counter("mute"));
  advance(1h);
  EXPECT_FALSE(*a_read);
  EXPECT_FALSE(*a_write);
  EXPECT_EQ(view_of(read(counter("four"))), counter_view(4));

  answer_what_waits();

  EXPECT_EQ(view_of(a_read), counter_view(99));
  EXPECT_EQ(view_of(a_write), counter_view(99));
}

TEST_F(Service, DropsAnAnswerThatNobodyWaitsFor) {
  spawn();
  read(counter("mute"));

  answer_what_waits();

  EXPECT_EQ(view_of(read(counter("four"))), counter_view(4));
}

TEST_F(Service, AnswersWithAnErrorWhenTheShardEnds) {
  spawn();
  auto before = read(counter("mute"));
  for (const auto& shard : node->shards)
    caf::anon_send_exit(shard, caf::exit_reason::kill);
  settle();

  EXPECT_EQ(error_of(before), service_error::internal);
  EXPECT_EQ(error_of(read(counter("four"))), service_error::internal);
}

TEST_F(Service, AnswersWhatIsUnderWayWhenItEnds) {
  spawn({.gossip = {}});
  const auto a_read = read(counter("mute"));
  const auto a_write = write(counter("mute"));
  const auto writes = write({{counter("four"), increment(1)}, {counter("mute"), increment(2)}});
  const auto a_report = report();
  const auto refused = refuse_writes();

  end();

  EXPECT_EQ(error_of(a_read), service_error::stopping);
  EXPECT_EQ(error_of(a_write), service_error::write_cut_off);
  EXPECT_EQ(writes->value(), write_outcomes(2, service_error::write_cut_off));
  EXPECT_EQ(error_of(a_report), service_error::stopping);
  EXPECT_EQ(*refused, false);
}

TEST_F(Service, AnswersCallsThatItDidNotReadWhenItEnds) {
  spawn();
  settle();
  const auto a_read = open_read(counter("four"));
  const auto a_report = open_report();

  end(); // goes before other messages

  EXPECT_EQ(error_of(a_read), service_error::stopping);
  EXPECT_EQ(error_of(a_report), service_error::stopping);
}

TEST_F(Service, GathersAReportFromAllActors) {
  spawn();

  const auto all = take<node_report>(report());

  EXPECT_EQ(all.gossip.keys, 7u);
  EXPECT_EQ(all.gossip.log_entries, 5u);
  EXPECT_EQ(all.membership.self, make_member("self:1", 1));
  EXPECT_EQ(all.membership.peers.size(), 5u);
}

TEST_F(Service, GivesNoReportWhileOneActorIsSilent) {
  for (const auto& script : {node_script{.first_shard = {}}, node_script{.second_shard = {}},
                             node_script{.gossip = {}}, node_script{.membership = {}}}) {
    spawn(script);
    const auto waiting = report();
    advance(1h);
    EXPECT_FALSE(*waiting);
  }
}

TEST_F(Service, FailsAReportOnceThoughSeveralActorsFail) {
  spawn({.first_shard = some_error,
         .second_shard = some_error,
         .gossip = some_error,
         .membership = some_error});
  EXPECT_EQ(error_of(report()), service_error::internal);

  spawn({.first_shard = some_error, .second_shard = std::uint64_t{1}, .membership = some_error});
  EXPECT_EQ(error_of(report()), service_error::internal);
  EXPECT_EQ(view_of(read(counter("four"))), counter_view(4));
}

TEST_F(Service, MergesTheKeysOfAllShards) {
  spawn({.first_list = std::vector{counter("b"), counter("d")},
         .second_list = std::vector{counter("a"), counter("c")}});
  const auto list = [&](std::size_t limit) {
    return take<crdt::key_page>(keys(crdt::key_query{.limit = limit}));
  };

  EXPECT_EQ(list(3), (crdt::key_page{{counter("a"), counter("b"), counter("c")}, true}));
  EXPECT_EQ(list(4).keys.size(), 4u);
  EXPECT_FALSE(list(4).more);
}

TEST_F(Service, AsksAllShardsForTheSameKeys) {
  spawn({.first_list = std::vector{counter("b1"), counter("b3"), counter("c")},
         .second_list = std::vector{counter("a"), counter("b2"), counter("c")}});

  const auto page = take<crdt::key_page>(keys(crdt::key_query{
      .type = crdt::type::counter, .prefix = "b", .after = counter("b1"), .limit = 9}));

  EXPECT_EQ(page, (crdt::key_page{{counter("b2"), counter("b3")}, false}));
}

TEST_F(Service, SeesThatThereIsMoreThoughAllOfItIsInOneShard) {
  spawn({.first_list = std::vector{counter("a"), counter("b")}});

  EXPECT_EQ(take<crdt::key_page>(keys(crdt::key_query{.limit = 1})),
            (crdt::key_page{{counter("a")}, true}));
}

TEST_F(Service, ListsNoKeysWhileAShardIsSilentOrFails) {
  spawn({.second_list = {}});
  const auto waiting = keys(crdt::key_query{.limit = 1});
  advance(1h);
  EXPECT_FALSE(*waiting);

  spawn({.first_list = some_error, .second_list = some_error});
  EXPECT_EQ(error_of(keys(crdt::key_query{.limit = 1})), service_error::internal);
  EXPECT_EQ(view_of(read(counter("four"))), counter_view(4));
}

// -- several writes in one call --

TEST_F(Service, AnswersSeveralWritesInTheirOrder) {
  spawn();

  const auto came = write({{counter("four"), increment(1)},
                           {counter("range"), increment(2)},
                           {counter("a"), increment(3)},
                           {counter("four"), increment(4)}});

  EXPECT_THAT(came->value(), ElementsAre(counter_view(1), service_error::counter_range,
                                         counter_view(3), counter_view(4)));
}

TEST_F(Service, HandsOverTheCommandsOfAKeyInTheOrderGiven) {
  spawn();
  std::vector<write_order> orders;
  for (int i = 1; i <= 50; ++i)
    for (const auto* name : {"a", "b", "c"})
      orders.push_back({counter(name), increment(i)});

  const auto came = write(std::move(orders));

  ASSERT_TRUE(*came);
  for (const auto* name : {"a", "b", "c"}) {
    std::vector<std::int64_t> expected(50);
    std::iota(expected.begin(), expected.end(), 1);
    EXPECT_EQ(node->written->at(counter(name)), expected);
  }
}

TEST_F(Service, HandsOverAllWritesOfACallBeforeAnyIsAnswered) {
  spawn();
  const auto came = write({{counter("mute"), increment(1)}, {counter("four"), increment(2)}});

  EXPECT_FALSE(*came) << "one waits";
  EXPECT_EQ(node->written->count(counter("four")), 1U);
  EXPECT_EQ(view_of(read(counter("four"))), counter_view(4)) << "others go on";

  answer_what_waits();
  EXPECT_THAT(came->value(), ElementsAre(counter_view(99), counter_view(2)));
}

TEST_F(Service, AnswersNoWritesAtOnce) {
  spawn();
  EXPECT_TRUE(write(std::vector<write_order>{})->value().empty());
}

TEST_F(Service, EachWriteOfACallTakesItsPlaceInTheLine) {
  spawn({}, 10'000);
  const auto came = write({{counter("mute"), increment(1)},
                           {counter("mute"), increment(2)},
                           {counter("mute"), increment(3)},
                           {counter("four"), increment(4)}});
  EXPECT_FALSE(*came);
  EXPECT_EQ(error_of(write(counter("mute"))), service_error::key_busy);

  answer_what_waits();
  EXPECT_THAT(came->value(), ElementsAre(counter_view(99), counter_view(99),
                                         service_error::key_busy, counter_view(4)));
  EXPECT_FALSE(*write(counter("mute"))) << "there is room again";
}

TEST_F(Service, AnswersAtOnceIfNoWriteOfACallFindsRoom) {
  spawn({}, 1);
  write(counter("mute"));

  EXPECT_THAT(write({{counter("mute"), increment(1)}})->value(),
              ElementsAre(service_error::key_busy));
}

TEST_F(Service, FailsTheWritesOfAShardThatEndsAndNoOthers) {
  spawn();
  const auto shards = node->context().shards;
  caf::anon_send_exit(node->shards[0], caf::exit_reason::kill);
  settle();
  std::vector<write_order> orders;
  for (int i = 0; i < 20; ++i)
    orders.push_back({counter(std::to_string(i)), increment(1)});

  const auto came = write(std::move(orders));

  for (int i = 0; i < 20; ++i)
    EXPECT_EQ(std::holds_alternative<crdt::view>(came->value()[static_cast<std::size_t>(i)]),
              shards.route(counter(std::to_string(i))) != shards.all()[0]);
}

// -- refusing writes --

TEST_F(Service, RefusesWritesAndServesReads) {
  spawn();

  EXPECT_EQ(*refuse_writes(), true);

  EXPECT_EQ(error_of(write(counter("four"))), service_error::leaving);
  EXPECT_THAT(write({{counter("four"), increment(1)}, {counter("a"), increment(1)}})->value(),
              ElementsAre(service_error::leaving, service_error::leaving));
  EXPECT_TRUE(node->written->empty());
  EXPECT_EQ(view_of(read(counter("four"))), counter_view(4));
  EXPECT_TRUE(take<node_report>(report()).refuses_writes);

  door->take_writes();
  EXPECT_EQ(view_of(write(counter("four"))), counter_view(1));
  EXPECT_FALSE(take<node_report>(report()).refuses_writes);
}

TEST_F(Service, SaysThatWritesAreRefusedOnceThoseUnderWayAreDone) {
  spawn();
  const auto one = write(counter("mute"));
  const auto others = write({{counter("mute"), increment(1)}, {counter("four"), increment(2)}});

  const auto refused = refuse_writes();
  EXPECT_FALSE(*refused);
  EXPECT_EQ(error_of(write(counter("four"))), service_error::leaving);
  EXPECT_FALSE(*refused);

  answer_what_waits();
  EXPECT_EQ(*refused, true);
  EXPECT_EQ(view_of(one), counter_view(99));
  EXPECT_THAT(others->value(), ElementsAre(counter_view(99), counter_view(2)));
}

TEST_F(Service, AWriteThatFailsIsNoLongerUnderWay) {
  spawn();
  write(counter("range"));
  write({{counter("range"), increment(1)}});

  EXPECT_EQ(*refuse_writes(), true);
}

TEST_F(Service, NobodyWaitsForTheLastWriteOnceWritesAreTakenAgain) {
  spawn();
  write(counter("mute"));
  const auto refused = refuse_writes();

  door->take_writes();
  settle();

  EXPECT_EQ(*refused, false);
}

// -- whether the node is ready --

TEST_F(Service, IsReadyUnlessSomethingIsWrong) {
  using enum unreadiness::cause;
  spawn();
  const auto cause = [&](const outcome<node_report>& of) -> std::optional<unreadiness::cause> {
    const auto why = door->why_not_ready(of);
    return why ? std::optional{why->is} : std::nullopt;
  };
  EXPECT_EQ(cause(report()->value()), std::nullopt);
  EXPECT_EQ(cause(service_error::timed_out), silent);
  EXPECT_EQ(cause(service_error::internal), silent);

  door->refuse_writes([](bool) {});
  EXPECT_EQ(cause(report()->value()), leaving);
  door->begin_stop();
  EXPECT_EQ(cause(report()->value()), stopping);
}

} // namespace
} // namespace starling::node
