#include "tests/crdt/subjects.hpp"

#include <gtest/gtest.h>

#include <algorithm>

namespace starling::crdt {
namespace {

template <class Subject>
class Laws : public testing::Test {};

TYPED_TEST_SUITE(Laws, subjects, names_of_types);

using steps = std::vector<step>;
using choices = std::vector<unsigned>;

TYPED_TEST(Laws, JoinIsCommutative) {
  expect_law([](const steps& s, const choices& order) {
    const history<TypeParam> h(s);
    for (const auto choice : order) {
      const auto& x = h.any(choice);
      const auto& y = h.any(choice / 100);
      RC_ASSERT(joined(x, y) == joined(y, x));
    }
  });
}

TYPED_TEST(Laws, JoinIsAssociative) {
  expect_law([](const steps& s, const choices& order) {
    const history<TypeParam> h(s);
    for (const auto choice : order) {
      const auto& x = h.any(choice);
      const auto& y = h.any(choice / 100);
      const auto& z = h.any(choice / 10000);
      RC_ASSERT(joined(joined(x, y), z) == joined(x, joined(y, z)));
    }
  });
}

TYPED_TEST(Laws, JoinIsIdempotent) {
  expect_law([](const steps& s, const choices& order) {
    const history<TypeParam> h(s);
    for (const auto choice : order) {
      auto x = h.any(choice);
      const auto& y = h.any(choice / 100);
      RC_ASSERT(!x.join(x));
      x.join(y);
      const auto once = x;
      RC_ASSERT(!x.join(y));
      RC_ASSERT(x == once);
    }
  });
}

TYPED_TEST(Laws, DeltaMakesTheMutatedState) {
  expect_law([](const steps& s) {
    for (const auto& [before, delta, after] : history<TypeParam>(s).mutations) {
      RC_ASSERT(delta.has_value() == (before != after));
      if (delta)
        RC_ASSERT(joined(before, *delta) == after);
    }
  });
}

TYPED_TEST(Laws, JoinReturnsNothingExactlyWhenNothingChanged) {
  expect_law([](const steps& s) {
    for (const auto& [before, message, novelty, after] : history<TypeParam>(s).joins) {
      RC_ASSERT(novelty.has_value() == (before != after));
      if (novelty)
        RC_ASSERT(*novelty != TypeParam::bottom());
    }
  });
}

TYPED_TEST(Laws, NoveltyDoesWhatTheWholeDoesWhereverTheStateIsKnown) {
  expect_law([](const steps& s, unsigned choice) {
    const history<TypeParam> h(s);
    for (const auto& [before, message, novelty, after] : h.joins) {
      if (!novelty)
        continue;
      RC_ASSERT(joined(before, *novelty) == after);
      const auto& third = h.any(choice++);
      const auto whole = joined(joined(third, before), message);
      RC_ASSERT(joined(joined(third, before), *novelty) == whole);
      RC_ASSERT(joined(joined(third, *novelty), before) == whole);
    }
  });
}

TYPED_TEST(Laws, NoveltyHoldsNothingThatWasKnown) {
  expect_law([](const steps& s) {
    for (const auto& [before, message, novelty, after] : history<TypeParam>(s).joins) {
      if (!novelty)
        continue;
      auto again = before;
      RC_ASSERT(again.join(*novelty) == novelty);
    }
  });
}

TYPED_TEST(Laws, GroupOfDeltasEqualsItsDeltasOneByOne) {
  expect_law([](const steps& s, unsigned choice, const choices& order) {
    const history<TypeParam> h(s);
    auto group = TypeParam::bottom();
    auto one_by_one = h.any(choice);
    for (const auto& delta : h.some(order)) {
      group.join(delta);
      one_by_one.join(delta);
      RC_ASSERT(joined(h.any(choice), group) == one_by_one);
    }
  });
}

TYPED_TEST(Laws, OrderOfDeltasDoesNotMatter) {
  expect_law([](const steps& s, const choices& order) {
    const history<TypeParam> h(s);
    auto deltas = h.some(order);
    auto forward = h.replicas[0];
    for (const auto& delta : deltas)
      forward.join(delta);
    auto backward = h.replicas[0];
    std::reverse(deltas.begin(), deltas.end());
    for (const auto& delta : deltas)
      backward.join(delta);
    RC_ASSERT(forward == backward);
  });
}

TYPED_TEST(Laws, EncodeThenDecodeIsTheIdentity) {
  expect_law([](const steps& s) {
    const history<TypeParam> h(s);
    for (unsigned i = 0; i < h.replicas.size() + h.messages.size(); ++i) {
      const auto& x = h.any(i);
      const auto back = TypeParam::decode(TypeParam::bytes(x));
      const auto* y = std::get_if<typename TypeParam::state>(&back);
      RC_ASSERT(y);
      RC_ASSERT(*y == x);
      // What was decoded works like what was encoded.
      const auto& other = h.any(i * 7 + 3);
      RC_ASSERT(joined(*y, other) == joined(x, other));
    }
  });
}

TYPED_TEST(Laws, ElementsOfTheBytesAreThoseOfTheState) {
  expect_law([](const steps& s, const choices& order) {
    const history<TypeParam> h(s);
    for (const auto choice : order) {
      const auto& x = h.any(choice);
      const auto bytes = TypeParam::bytes(x);
      RC_ASSERT(TypeParam::elements_of(bytes) == x.elements());
    }
  });
}

TYPED_TEST(Laws, EqualStatesHaveEqualBytes) {
  expect_law([](const steps& s, const choices& order) {
    const history<TypeParam> h(s);
    for (const auto choice : order) {
      const auto& x = h.any(choice);
      const auto& y = h.any(choice / 100);
      RC_ASSERT((TypeParam::bytes(x) == TypeParam::bytes(y)) == (x == y));
      RC_ASSERT(TypeParam::bytes(joined(x, y)) == TypeParam::bytes(joined(y, x)));
    }
  });
}

TYPED_TEST(Laws, FullExchangeMakesReplicasEqualByteForByte) {
  expect_law([](const steps& s) {
    auto replicas = history<TypeParam>(s).replicas;
    for (int round = 0; round < 2; ++round)
      for (auto& to : replicas)
        for (const auto& from : replicas)
          to.join(from);
    for (const auto& x : replicas) {
      RC_ASSERT(TypeParam::bytes(x) == TypeParam::bytes(replicas[0]));
      RC_ASSERT(TypeParam::is_settled(x));
    }
  });
}

} // namespace
} // namespace starling::crdt
