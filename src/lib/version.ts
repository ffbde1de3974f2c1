/** Of this package; a test keeps it equal to package.json, which a bundled program does not have. */
export const version = '0.1.0'
