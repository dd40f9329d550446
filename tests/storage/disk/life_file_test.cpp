#include "storage/disk/life_file.hpp"
#include "tests/storage/temporary_folder.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <thread>

namespace starling::storage {
namespace {

namespace fs = std::filesystem;

class Life : public ::testing::Test {
protected:
  std::optional<life> read() const {
    const auto result = read_life(folder);
    EXPECT_TRUE((std::holds_alternative<std::optional<life>>(result)));
    return std::get<0>(result);
  }

  life begin(std::uint64_t number) const {
    const auto drafted = std::get<life>(draft_life(folder, 0, number));
    const auto made = std::get<life>(put_life_in_place(folder));
    EXPECT_TRUE(is_same_life(drafted, made)) << "what the rows accept before it is in its place";
    return made;
  }

  temporary_folder above;
  const std::string folder = above / "";
};

TEST_F(Life, IsReadAsItWasMade) {
  EXPECT_FALSE(read());
  const auto made = begin(1);
  EXPECT_EQ(made.word, "00000000000000000000000000000001");
  EXPECT_EQ(read(), made);
  EXPECT_FALSE(fs::exists(folder + "life.new"));
}

TEST_F(Life, IsThePresentOneUntilTheNextIsInItsPlace) {
  const auto first = begin(1);
  ASSERT_TRUE(std::holds_alternative<life>(draft_life(folder, 0, 2)));
  EXPECT_EQ(read(), first);
  ASSERT_TRUE(std::holds_alternative<life>(draft_life(folder, 0, 3))) << "as after a kill";
  const auto third = std::get<life>(put_life_in_place(folder));
  EXPECT_EQ(third.word.back(), '3');
  EXPECT_FALSE(is_same_life(first, third));
}

TEST_F(Life, IsAnotherInEachFile) {
  const auto first = begin(1);
  fs::copy(folder + "life", folder + "copy");
  std::this_thread::sleep_for(std::chrono::milliseconds{20}); // a clock's tick, for file systems
  const auto second = begin(2);
  EXPECT_FALSE(is_same_life(first, second));
  fs::rename(folder + "copy", folder + "life");
  ASSERT_TRUE(read());
  EXPECT_EQ(read()->word, first.word);
  EXPECT_FALSE(is_same_life(first, *read())) << "an older state was put in place";
}

TEST_F(Life, IsNotReadFromAnythingElse) {
  const auto sound = "starling life 1\n00000000000000000000000000000001\n";
  for (const std::string text :
       {"", "starling life 1\n", "starling life 2\n00000000000000000000000000000001\n",
        "starling life 1\n0000000000000000000000000000000G\n",
        "starling life 1\n00000000000000000000000000000001\n ",
        "starling life 1\n00000000000000000000000000000001"}) {
    std::ofstream{folder + "life"} << text;
    EXPECT_FALSE(read()) << text;
  }
  std::ofstream{folder + "life"} << sound;
  EXPECT_TRUE(read());
}

TEST_F(Life, IsAFailureWhereThereIsNoFolder) {
  EXPECT_TRUE(std::holds_alternative<failure>(draft_life(above / "no/data", 0, 1)));
  EXPECT_TRUE(std::holds_alternative<failure>(put_life_in_place(folder)));
}

} // namespace
} // namespace starling::storage
