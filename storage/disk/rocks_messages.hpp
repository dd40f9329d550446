#pragma once

// What RocksDB says of itself, for people.
//
// Its own log is a file beside the rows, which knows no end of trouble: where it could not be
// written once, as on a full disk, the next line ends the process if RocksDB was built with
// assertions. So there is none, and what is not well goes where our own lines go.

#include "storage/disk/rocks_store.hpp"

#include <cstdint>
#include <mutex>
#include <rocksdb/env.h>
#include <string>
#include <string_view>

namespace starling::storage {

/// Passes on warnings and what is worse, one line each, cut where it is very long. A line that is
/// the same as the one before is counted, and told after 10, 100, 1000... of them: one damaged
/// block is read thousands of times.
class rocks_messages : public rocksdb::Logger {
public:
  explicit rocks_messages(rocks_settings::listener tell);

  using Logger::Logv;
  void Logv(const char* format, va_list arguments) override;
  void LogHeader(const char* format, va_list arguments) override;

private:
  void tell(std::string_view text);

  rocks_settings::listener tell_;
  std::mutex mutex_; // RocksDB writes from several threads
  std::string last_;
  std::uint64_t times_ = 0;
};

} // namespace starling::storage
