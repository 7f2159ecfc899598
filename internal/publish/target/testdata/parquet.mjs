// Prints the rows of a Parquet file as lines of JSON.
import { asyncBufferFromFile, parquetReadObjects } from 'hyparquet'
import { compressors } from 'hyparquet-compressors'

const file = await asyncBufferFromFile(process.argv[2])
for (const row of await parquetReadObjects({ file, compressors })) {
  console.log(JSON.stringify(row, (_, v) => typeof v === 'bigint' ? Number(v) : v === null ? undefined : v))
}
