// What is kept of a value, for each type that has rows: pages of it, and what is saved of damage.

#include "storage/memory_store.hpp"
#include "storage/reading.hpp"
#include "storage/salvage.hpp"
#include "tests/crdt/subjects.hpp"

#include <gtest/gtest.h>

#include <random>

namespace starling::storage {
namespace {

const replication::digester digests{wire::secret{"cluster", "key"}.sign("digest", {})};

template <class Subject>
class AnyRowsKept : public testing::Test {
protected:
  AnyRowsKept() : key{Subject::type::id, "key"}, value(key) {
    std::mt19937_64 random{1};
    for (int i = 0; i < 60; ++i) {
      batch changed;
      const auto self = crdt::replica_id::from(random() % 3, 7);
      value.apply(crdt::command_for(value.value(), static_cast<unsigned>(random())), self, 1000,
                  digests, &changed);
      EXPECT_FALSE(rows.commit({changed}, true));
    }
  }

  salvaged save(store& to) {
    return std::get<0>(salvage(source{*rows.now()}, to, digests, loss::fails));
  }

  const crdt::key key;
  held_value value;
  memory_store rows;
};

TYPED_TEST_SUITE(AnyRowsKept, crdt::subjects_with_rows, crdt::names_of_types);

TYPED_TEST(AnyRowsKept, AreShownPageByPage) {
  std::optional<std::string> after;
  for (std::size_t limit : {1, 2, 100}) {
    const crdt::member_page wanted{after, limit};
    EXPECT_EQ(std::get<0>(read_page(*this->rows.now(), this->key, wanted)),
              this->value.view(wanted));
    after = "b";
  }
}

TYPED_TEST(AnyRowsKept, AreSavedWhereAllAreThereAndLostWhereOneIsNot) {
  ASSERT_GT(this->value.members(), 1u);
  memory_store whole;
  EXPECT_EQ(this->save(whole).kept, 1u);
  const auto read = std::get<0>(read_value(*whole.now(), this->key, UINT64_MAX, digests));
  ASSERT_TRUE(read);
  EXPECT_EQ(read->value(), this->value.value());

  std::string last;
  const auto [first, end] = members_between(this->key);
  EXPECT_FALSE(this->rows.now()->scan(first, end, [&](std::string_view name, std::string_view) {
    last = name;
    return true;
  }));
  batch damage;
  damage.erase(last);
  EXPECT_FALSE(this->rows.commit({damage}, true));
  memory_store rest;
  const auto saved = this->save(rest);
  EXPECT_EQ(saved.kept, 0u);
  EXPECT_TRUE(saved.lost.contains(this->key));
}

} // namespace
} // namespace starling::storage
