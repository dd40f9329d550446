#include "storage/rocks_log.hpp"

#include <climits>

namespace starling::storage {

namespace {

/// The number of a record's first change: its first eight bytes, the lowest first.
std::uint64_t first_number(const rocksdb::WriteBatch& record) {
  std::uint64_t result = 0;
  for (std::size_t i = 0; i < sizeof(result); ++i)
    result |= std::uint64_t{static_cast<unsigned char>(record.Data()[i])} << (i * CHAR_BIT);
  return result;
}

} // namespace

rocksdb::WalFilter::WalProcessingOption log_watch::LogRecordFound(unsigned long long,
                                                                  const std::string&,
                                                                  const rocksdb::WriteBatch& record,
                                                                  rocksdb::WriteBatch*, bool*) {
  const auto first = first_number(record);
  if (next_ && first != *next_)
    return WalProcessingOption::kCorruptedRecord;
  next_ = first + static_cast<std::uint64_t>(record.Count());
  return WalProcessingOption::kContinueProcessing;
}

rocksdb::WriteBatch log_mark() {
  rocksdb::WriteBatch result;
  result.PutLogData("starling");
  return result;
}

} // namespace starling::storage
