#include "crdt/pn_counter.hpp"
#include "tests/crdt/names.hpp"

#include <gtest/gtest.h>

#include <limits>

namespace starling::crdt {
namespace {

constexpr auto most = std::numeric_limits<std::int64_t>::max();
constexpr auto least = std::numeric_limits<std::int64_t>::min();
constexpr auto largest_total = ~pn_counter::total{0};

void put(wire::writer& out, const replica_id& id, pn_counter::total added,
         pn_counter::total removed) {
  encode(out, id);
  out.varint128(added);
  out.varint128(removed);
}

/// A counter with totals that no request could have given it.
pn_counter forged(const replica_id& id, pn_counter::total added, pn_counter::total removed) {
  wire::writer out;
  out.varint(1);
  put(out, id, added, removed);
  return std::get<pn_counter>(decoded<pn_counter>(std::move(out).take()));
}

pn_counter::reading exactly(std::int64_t value) {
  return {value, false};
}

pn_counter::reading saturated(std::int64_t value) {
  return {value, true};
}

void expect_refused(pn_counter x, const replica_id& self, std::int64_t amount) {
  const auto before = x;
  EXPECT_FALSE(x.add(self, amount));
  EXPECT_EQ(x, before);
}

TEST(PnCounter, IsZeroAtFirst) {
  EXPECT_EQ(pn_counter{}.read(), exactly(0));
  EXPECT_TRUE(pn_counter{}.empty());
}

TEST(PnCounter, SumsWhatEveryReplicaDid) {
  pn_counter x;
  x.add(a, 5);
  pn_counter y;
  y.add(b, -7);
  x.join(y);
  x.add(a, 1);

  EXPECT_EQ(x.read(), exactly(-1));
  EXPECT_EQ(y.read(), exactly(-7));
}

TEST(PnCounter, DeltaCarriesBothTotalsOfTheReplica) {
  pn_counter x;
  x.add(a, 5);
  x.add(b, 9);
  const auto delta = x.add(a, -2);
  ASSERT_TRUE(delta);

  EXPECT_EQ(delta->entries(), (std::map<replica_id, pn_counter::entry>{{a, {5, 2}}}));
}

TEST(PnCounter, JoinReturnsBothTotalsOfReplicasThatGrew) {
  pn_counter x;
  x.add(a, 5);
  auto y = x;
  y.add(a, -1);
  y.add(b, 2);

  EXPECT_EQ(x.join(y)->entries(),
            (std::map<replica_id, pn_counter::entry>{{a, {5, 1}}, {b, {2, 0}}}));
  EXPECT_FALSE(x.join(y));
}

TEST(PnCounter, LateDeltasChangeNothing) {
  pn_counter x;
  const auto first = x.add(a, 5);
  const auto second = x.add(a, 5);

  pn_counter y;
  y.join(*second);
  EXPECT_FALSE(y.join(*first));
  EXPECT_EQ(y.read(), exactly(10));
}

TEST(PnCounter, TotalsOutgrow64BitsWhenRequestsAlternate) {
  pn_counter x;
  for (int i = 0; i < 5; ++i)
    ASSERT_TRUE(x.add(a, i % 2 == 0 ? most : -most)) << i;

  EXPECT_EQ(x.read(), exactly(most));
  EXPECT_TRUE(x.entries().at(a).added == pn_counter::total{3} * most);
  EXPECT_TRUE(x.entries().at(a).removed == pn_counter::total{2} * most);
  EXPECT_EQ(std::get<pn_counter>(decoded<pn_counter>(bytes_of(x))), x);
}

TEST(PnCounter, ReachesBothEndsOfTheRange) {
  pn_counter up;
  EXPECT_TRUE(up.add(a, most));
  EXPECT_EQ(up.read(), exactly(most));

  pn_counter down;
  EXPECT_TRUE(down.add(a, least));
  EXPECT_EQ(down.read(), exactly(least));

  pn_counter stepwise;
  stepwise.add(a, -most);
  stepwise.add(b, -1);
  EXPECT_EQ(stepwise.read(), exactly(least));
  EXPECT_TRUE(stepwise.add(a, most));
  EXPECT_EQ(stepwise.read(), exactly(-1));
}

TEST(PnCounter, RefusesToLeaveTheRangeAndChangesNothing) {
  pn_counter up;
  up.add(a, most);
  expect_refused(up, a, 1);
  expect_refused(up, b, most);
  EXPECT_TRUE(up.add(b, least));
  EXPECT_EQ(up.read(), exactly(-1));

  pn_counter down;
  down.add(a, least);
  expect_refused(down, a, -1);
  expect_refused(down, b, least);

  pn_counter minus_one;
  minus_one.add(a, -1);
  expect_refused(minus_one, a, least);
}

TEST(PnCounter, ReadingBeyondTheRangeIsSaturatedAndSaysSo) {
  pn_counter up;
  up.add(a, most);
  pn_counter one;
  one.add(b, 1);
  up.join(one);
  EXPECT_EQ(up.read(), saturated(most));

  pn_counter down;
  down.add(a, least);
  pn_counter minus_one;
  minus_one.add(b, -1);
  down.join(minus_one);
  EXPECT_EQ(down.read(), saturated(least));
}

TEST(PnCounter, BeyondTheRangeOnlyStepsBackAreTaken) {
  pn_counter up;
  up.add(a, most);
  pn_counter more;
  more.add(b, most);
  up.join(more);
  expect_refused(up, a, 1);
  EXPECT_TRUE(up.add(a, -1));
  EXPECT_EQ(up.read(), saturated(most));
  EXPECT_TRUE(up.add(a, 1 - most));
  EXPECT_EQ(up.read(), exactly(most));

  pn_counter down;
  down.add(a, least);
  pn_counter less;
  less.add(b, least);
  down.join(less);
  expect_refused(down, c, -1);
  EXPECT_TRUE(down.add(c, most));
  EXPECT_EQ(down.read(), saturated(least));
  EXPECT_TRUE(down.add(c, 1));
  EXPECT_EQ(down.read(), exactly(least));
}

TEST(PnCounter, ReadsTotalsAtTheEndOf128Bits) {
  auto x = forged(a, largest_total, 0);
  EXPECT_EQ(x.read(), saturated(most));

  x.join(forged(b, 0, largest_total));
  EXPECT_EQ(x.read(), exactly(0));

  x.join(forged(c, 7, 0));
  EXPECT_EQ(x.read(), exactly(7));

  x.join(forged(replica_id::from(4, 4), 0, largest_total));
  EXPECT_EQ(x.read(), saturated(least));

  x.join(forged(replica_id::from(5, 5), largest_total, 17));
  EXPECT_EQ(x.read(), exactly(-10));
}

TEST(PnCounter, RefusesWhenForgedTotalsLeaveNoRoom) {
  auto x = forged(a, largest_total, 5);
  x.join(forged(b, 0, largest_total));
  EXPECT_EQ(x.read(), exactly(-5));

  expect_refused(x, a, 1);
  EXPECT_TRUE(x.add(a, -1));
  EXPECT_TRUE(x.add(c, 1));
  EXPECT_EQ(x.read(), exactly(-5));
}

TEST(PnCounter, DecoderRefusesWhatIsNotCanonical) {
  wire::writer zero;
  zero.varint(1);
  put(zero, a, 0, 0);
  EXPECT_EQ(refusal_of<pn_counter>(std::move(zero).take()), "counter entry of zero");

  for (const auto& second : {a, b}) {
    wire::writer disordered;
    disordered.varint(2);
    put(disordered, b, 1, 0);
    put(disordered, second, 1, 0);
    EXPECT_EQ(refusal_of<pn_counter>(std::move(disordered).take()),
              "replica ids are not in ascending order");
  }

  wire::writer huge;
  huge.varint(std::uint64_t{1} << 60);
  put(huge, a, 1, 0);
  EXPECT_EQ(refusal_of<pn_counter>(std::move(huge).take()),
            "more items announced than the input can hold");
}

} // namespace
} // namespace starling::crdt
