#include "replication/row_exchange.hpp"
#include "tests/replication/three_sets.hpp"

#include <gtest/gtest.h>

namespace starling::replication {
namespace {

const digester digests{wire::secret{"cluster", "key"}.sign("digest", {})};
const crdt::key fruits{crdt::type::set, "fruits"};
const session_id ann{1};
const session_id bob{2};
const auto first = crdt::replica_id::from(1, 1);
const auto second = crdt::replica_id::from(2, 2);

constexpr std::size_t walk_bytes = repair_message_bytes_min;
constexpr std::size_t much = 1 << 20;

using crdt::text;

constexpr std::size_t rows_max = 1 << 24;

row_asking asks(const crdt::or_set& set) {
  return {7, fruits, value_snapshot{digests, fruits, set}, walk_bytes, rows_max};
}

row_answering answers(const crdt::or_set& set) {
  return {ann, 7, fruits, value_snapshot{digests, fruits, set}};
}

template <class T>
T decoded(wire::decoded<T> x) {
  EXPECT_TRUE(std::holds_alternative<T>(x)) << std::get<wire::decode_error>(x).what;
  return std::get<T>(std::move(x));
}

/// The same after a journey.
row_step sent(const row_step& step, std::size_t& bytes) {
  message m{ann, bob, 1};
  m.comparison = step;
  const auto encoded = encode(m, {});
  bytes += encoded.size();
  const auto there = decoded(decode_message(encoded));
  EXPECT_EQ(there, m);
  return *there.comparison;
}

answer sent(const answer& a, std::size_t& bytes) {
  const auto encoded = encode(a);
  bytes += encoded.size();
  auto there = decoded(decode_answer(encoded));
  EXPECT_EQ(there, a);
  return there;
}

struct outcome {
  std::optional<crdt::value> answering; // as the asking side knows it in the end
  std::optional<crdt::value> asking;    // as the answering side does
  std::size_t bytes = 0;
  std::size_t questions = 0;
  std::size_t row_pieces = 0;
};

/// What comes of the exchange of two states. Each question is put `times`, as if answers were lost.
outcome exchange(const crdt::or_set& a, const crdt::or_set& b, std::size_t row_bytes = much,
                 int times = 1) {
  outcome result;
  auto asking = asks(a);
  auto answering = answers(b);
  while (const auto step = asking.next()) {
    EXPECT_EQ(asking.next(), step);
    answer reply{bob, ann, 1};
    for (int i = 0; i < times; ++i) {
      reply = {bob, ann, 1};
      const auto there = sent(*step, result.bytes);
      EXPECT_TRUE(answering.is(ann, there));
      if (const auto* rows = std::get_if<snapshot_rows>(&there.what))
        result.asking = answering.theirs(*rows);
      else
        answering.answer_to(there, walk_bytes, row_bytes, reply);
    }
    const auto back = sent(reply, result.bytes);
    if (back.rows) {
      ++result.row_pieces;
      EXPECT_LE(back.rows->bytes.size(), row_bytes);
    }
    if (!asking.answered(back) || ++result.questions > 10'000) {
      ADD_FAILURE() << "the exchange does not go on";
      break;
    }
    if (auto theirs = asking.theirs()) {
      EXPECT_FALSE(result.answering);
      result.answering = std::move(theirs);
      EXPECT_FALSE(asking.theirs());
    }
  }
  return result;
}

void expect_both_know(const crdt::or_set& a, const crdt::or_set& b, const outcome& o) {
  EXPECT_EQ(o.answering, b);
  EXPECT_EQ(o.asking, a);
}

crdt::or_set large_set(int size) {
  crdt::or_set result;
  for (int i = 0; i < size; ++i)
    result.add(first, text("member number " + std::to_string(i)));
  return result;
}

std::size_t encoded_size_of(const crdt::or_set& set) {
  return crdt::value{set}.encode().size();
}

TEST(RowExchange, MakesTwoLargeSetsKnowEachOtherAtTheCostOfWhatDiffers) {
  auto a = large_set(5000);
  auto b = a;
  for (int i = 0; i < 10; ++i) {
    const auto removed = text("member number " + std::to_string(100 * i));
    const auto removed_there = text("member number " + std::to_string(100 * i + 1));
    const auto both = text("member number " + std::to_string(100 * i + 2));
    a.add(first, text("new here " + std::to_string(i)));
    b.add(second, text("new there " + std::to_string(i)));
    a.remove(first, removed, a.context(removed));
    b.remove(second, removed_there, b.context(removed_there));
    a.remove(first, both, a.context(both)); // and added again there at the same time
    b.add(second, both, b.context(both));
  }

  const auto result = exchange(a, b);

  expect_both_know(a, b, result);
  EXPECT_LT(result.bytes * 10, encoded_size_of(a));
  auto joined_here = a;
  auto joined_there = b;
  joined_here.join(result.answering->as<crdt::or_set>());
  joined_there.join(result.asking->as<crdt::or_set>());
  EXPECT_EQ(joined_here, joined_there);
}

TEST(RowExchange, MakesSetsKnowEachOtherThatDifferOnlyInWhatTheyHaveSeen) {
  const auto a = large_set(1000);
  auto b = a;
  b.add(second, text("gone"));
  b.remove(second, text("gone"), b.context(text("gone")));

  for (const auto& result : {exchange(a, b), exchange(a, b, 7)})
    expect_both_know(a, b, result);
  expect_both_know(b, a, exchange(b, a));
}

TEST(RowExchange, WorksWithAnEmptySetOnEitherSideOrBoth) {
  const auto full = large_set(300);
  const crdt::or_set empty;

  for (const std::size_t row_bytes : {std::size_t{500}, much}) {
    expect_both_know(full, empty, exchange(full, empty, row_bytes));
    expect_both_know(empty, full, exchange(empty, full, row_bytes));
    expect_both_know(empty, empty, exchange(empty, empty, row_bytes));
  }
}

TEST(RowExchange, OfEqualSetsCostsLittle) {
  const auto a = large_set(1000);
  const auto result = exchange(a, a);

  expect_both_know(a, a, result);
  EXPECT_EQ(result.questions, 3u);
  EXPECT_LT(result.bytes, 2500u);
}

TEST(RowExchange, ReadsRowsInPieces) {
  const auto a = large_set(100);
  auto b = a;
  for (int i = 0; i < 100; ++i)
    b.add(second, text("new " + std::to_string(i)));
  const auto at_once = exchange(a, b);

  const auto result = exchange(a, b, 100);

  EXPECT_EQ(at_once.row_pieces, 1u);
  EXPECT_GT(result.row_pieces, 10u);
  expect_both_know(a, b, result);
  expect_both_know(a, b, exchange(a, b, 1));
}

TEST(RowExchange, DoesWhatJoiningTheWholeStatesDoesWhateverHappensMeanwhile) {
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    three_sets c{seed};
    for (std::uint64_t i = 0; i < 20 + seed; ++i)
      c.step();
    const auto a = c.sets[0];
    const auto b = c.sets[1];

    const auto result = exchange(a, b, 1 + seed * 5, seed % 2 == 0 ? 1 : 2);
    for (int i = 0; i < 20; ++i)
      c.step(); // nothing of this is in the snapshots

    ASSERT_EQ(result.answering, b);
    ASSERT_EQ(result.asking, a);
    for (int side = 0; side < 2; ++side) {
      auto repaired = c.sets[side == 0 ? 0 : 1];
      auto expected = repaired;
      repaired.join((side == 0 ? result.answering : result.asking)->as<crdt::or_set>());
      expected.join(side == 0 ? b : a);
      ASSERT_EQ(repaired, expected);
    }
  }
}

TEST(RowExchange, IsNotDisturbedByQuestionsThatCameTwice) {
  const auto a = large_set(500);
  auto b = large_set(400);
  for (int i = 0; i < 50; ++i)
    b.add(second, text("new " + std::to_string(i)));

  expect_both_know(a, b, exchange(a, b, 200, 3));
}

TEST(RowAsking, HasItsSnapshotWhole) {
  const auto a = large_set(10);
  EXPECT_EQ(asks(a).whole(), a);
  EXPECT_EQ(asks(a).key(), fruits);
}

/// Asks until a step of that kind is next.
template <class Kind>
void go_on_to(row_asking& asking, row_answering& answering, std::size_t row_bytes = much) {
  for (int i = 0; i < 1000; ++i) {
    const auto step = asking.next();
    ASSERT_TRUE(step);
    if (std::holds_alternative<Kind>(step->what))
      return;
    answer a;
    answering.answer_to(*step, walk_bytes, row_bytes, a);
    ASSERT_TRUE(asking.answered(a));
  }
  FAIL() << "it never comes to that";
}

TEST(RowAsking, RefusesAnswersToAnotherQuestion) {
  const auto a = large_set(300);
  const auto b = large_set(200);
  auto asking = asks(a);
  auto answering = answers(b);
  answer empty;
  answer of_rows;
  of_rows.rows = fragment{0, 100, 0, "x"};
  answer of_walk;
  of_walk.walk = repair_answer{};
  answer of_sums;
  of_sums.sums = {1, 2, 3};
  answer no;
  no.verdict = verdict::start_over;

  for (const auto& wrong : {empty, of_rows, of_walk, of_sums, no}) {
    const auto before = asking.next();
    EXPECT_FALSE(asking.answered(wrong));
    EXPECT_EQ(asking.next(), before);
  }

  go_on_to<std::uint64_t>(asking, answering);
  for (const auto& wrong : {empty, of_walk, of_sums, no})
    EXPECT_FALSE(asking.answered(wrong));
  of_rows.rows->offset = 1;
  EXPECT_FALSE(asking.answered(of_rows));
  EXPECT_EQ(std::get<std::uint64_t>(asking.next()->what), 0u);

  go_on_to<snapshot_rows>(asking, answering);
  EXPECT_EQ(asking.theirs(), b);
  EXPECT_TRUE(asking.answered(empty));
  EXPECT_FALSE(asking.next());
  EXPECT_FALSE(asking.answered(empty)); // nothing was asked
}

TEST(RowAsking, RefusesAPieceOfRowsThatItHas) {
  auto asking = asks({});
  auto answering = answers(large_set(100));
  go_on_to<std::uint64_t>(asking, answering);
  answer piece;
  answering.answer_to(*asking.next(), walk_bytes, 10, piece);

  EXPECT_TRUE(asking.answered(piece));
  EXPECT_FALSE(asking.answered(piece));
  EXPECT_EQ(std::get<std::uint64_t>(asking.next()->what), 10u);
}

TEST(RowAsking, MakesNothingOfTheRowsOfAnotherSnapshot) {
  const auto a = large_set(100);
  auto b = large_set(200);
  auto asking = asks(a);
  auto before = answers(b);
  go_on_to<std::uint64_t>(asking, before);
  b.add(second, text("later"));
  auto later = answers(b);

  go_on_to<snapshot_rows>(asking, later);

  EXPECT_FALSE(asking.theirs());
  EXPECT_EQ(before.theirs(std::get<snapshot_rows>(asking.next()->what)), a);
  EXPECT_FALSE(later.theirs(std::get<snapshot_rows>(asking.next()->what)));
}

TEST(RowAsking, MakesNothingOfWhatAreNoRows) {
  const auto a = large_set(100);
  auto asking = asks(a);
  auto answering = answers(large_set(90));
  go_on_to<std::uint64_t>(asking, answering);
  answer garbage;
  garbage.rows = fragment{0, 5, 0, "fruit"};

  EXPECT_TRUE(asking.answered(garbage));

  EXPECT_FALSE(asking.theirs());
  EXPECT_EQ(answering.theirs(std::get<snapshot_rows>(asking.next()->what)),
            a); // this is still good
}

TEST(RowAnswering, IsOfOneComparison) {
  const auto answering = answers({});
  const row_step step{fruits, 7, std::uint64_t{0}};

  EXPECT_EQ(answering.asking(), ann);
  EXPECT_TRUE(answering.is(ann, step));
  EXPECT_FALSE(answering.is(bob, step));
  EXPECT_FALSE(answering.is(ann, {fruits, 8, std::uint64_t{0}}));
  EXPECT_FALSE(answering.is(ann, {{crdt::type::set, "nuts"}, 7, std::uint64_t{0}}));
}

TEST(RowAnswering, SaysToStartOverWhereThereAreNoRows) {
  auto answering = answers(large_set(10));
  answer some;
  answering.answer_to({fruits, 7, std::uint64_t{0}}, walk_bytes, 20, some);
  ASSERT_TRUE(some.rows);
  EXPECT_EQ(some.verdict, verdict::joined);
  EXPECT_EQ(some.rows->bytes.size(), 20u);

  answer last;
  answering.answer_to({fruits, 7, some.rows->size - 1}, walk_bytes, 20, last);
  ASSERT_TRUE(last.rows);
  EXPECT_EQ(last.rows->bytes.size(), 1u);
  for (const auto offset : {some.rows->size, some.rows->size + 1, UINT64_MAX}) {
    answer none;
    answering.answer_to({fruits, 7, offset}, walk_bytes, 20, none);
    EXPECT_EQ(none.verdict, verdict::start_over);
    EXPECT_FALSE(none.rows);
  }
}

TEST(RowAnswering, MakesNothingOfTheRowsOfAnotherSnapshot) {
  auto a = large_set(100);
  const auto b = large_set(90);
  auto asking = asks(a);
  auto answering = answers(b);
  go_on_to<snapshot_rows>(asking, answering);
  const auto rows = std::get<snapshot_rows>(asking.next()->what);
  a.add(first, text("later"));
  const value_snapshot later{digests, fruits, a};

  EXPECT_EQ(answering.theirs(rows)->as<crdt::or_set>().cardinality(), 100u);
  EXPECT_FALSE(answering.theirs(later.rows_of({})));
  EXPECT_FALSE(answering.theirs({rows.whole, crdt::or_set{}}));
  EXPECT_FALSE(answering.theirs({{1, 2}, rows.rows}));
}

TEST(RowExchange, ReadsNoMoreRowsThanItMay) {
  crdt::or_set set;
  set.add(crdt::replica_id::from(1, 1), {crdt::payload_kind::text, "apple"});
  auto asking = asks(set);
  const value_snapshot same{digests, fruits, set};
  while (const auto step = asking.next()) {
    answer a{};
    if (const auto* ask = std::get_if<repair_request>(&step->what)) {
      a.walk = answer_to(*ask, same.rows(), walk_bytes).answer;
      ASSERT_TRUE(asking.answered(a));
      continue;
    }
    a.rows = fragment{0, rows_max + 1, 0, "x"};
    EXPECT_FALSE(asking.answered(a));
    break;
  }
}

} // namespace
} // namespace starling::replication
