#include "storage/disk/damage_note.hpp"
#include "tests/storage/temporary_folder.hpp"

#include <gtest/gtest.h>

#include <fstream>

namespace starling::storage {
namespace {

class DamageNote : public testing::Test {
protected:
  const temporary_folder folder;
  const damage_note note{*rocksdb::Env::Default(), folder.path()};
};

TEST_F(DamageNote, IsThereFromWritingToErasing) {
  EXPECT_EQ(note.read(), std::nullopt);
  note.erase();
  ASSERT_TRUE(note.write("a flipped bit").ok());
  EXPECT_EQ(note.read(), "a flipped bit");
  ASSERT_TRUE(note.write("another").ok());
  EXPECT_EQ(note.read(), "another");
  note.erase();
  EXPECT_EQ(note.read(), std::nullopt);
}

TEST_F(DamageNote, CountsWhateverIsInIt) {
  std::ofstream{folder / "damaged"};
  EXPECT_TRUE(note.read()) << "the power may have failed before the sentence was there";
}

TEST_F(DamageNote, IsReadUpToABound) {
  std::ofstream{folder / "damaged"} << std::string(1 << 20, 'x');
  EXPECT_EQ(note.read(), std::string(4096, 'x'));
}

} // namespace
} // namespace starling::storage
