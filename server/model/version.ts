/** The Consul whose behaviour we keep, as its clients look for it in `Config.Version`, in member tags and in the catalog. */
export const consulVersion = '1.8.7'

/** Our own, as package.json has it (a test compares them). */
export const praetorVersion = '0.1.0'
