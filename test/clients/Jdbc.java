/*
 * What a program sees of a view through JDBC, for test/t/bi_clients.pl:
 *
 *	java -cp postgresql.jar Jdbc.java URL USER SCHEMA VIEW QUERY
 *
 * prints a line "column" for each column, with what DatabaseMetaData says of it,
 * a line "result" for each column of the query, with what ResultSetMetaData
 * says, and a line "row" for each row; fields end with the unit separator.
 */
import java.io.PrintStream;
import java.math.BigDecimal;
import java.nio.charset.StandardCharsets;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.JDBCType;
import java.sql.ResultSet;
import java.sql.ResultSetMetaData;
import java.sql.SQLException;
import java.sql.Types;
import java.time.LocalDate;
import java.time.OffsetDateTime;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;

public class Jdbc
{
	private static final PrintStream out = new PrintStream(System.out, false, StandardCharsets.UTF_8);
	private static final DateTimeFormatter micros = DateTimeFormatter.ofPattern("yyyy-MM-dd'T'HH:mm:ss.SSSSSS");

	private static void print(Object... fields)
	{
		for (Object field : fields)
			out.print(field + "\u001f");
		out.print("\n");
	}

	/* As a program takes it, and not as text of the server. */
	private static String value(ResultSet rows, ResultSetMetaData about, int i) throws SQLException
	{
		Object value;

		switch (about.getColumnType(i))
		{
			case Types.NUMERIC:
				value = rows.getBigDecimal(i);
				return value == null ? "NULL" : ((BigDecimal) value).toPlainString();
			case Types.DATE:
				value = rows.getObject(i, LocalDate.class);
				break;
			case Types.TIMESTAMP:
				value = rows.getObject(i, OffsetDateTime.class);
				return value == null ? "NULL" : micros.format(((OffsetDateTime) value).withOffsetSameInstant(ZoneOffset.UTC));
			case Types.DOUBLE:
				value = rows.getObject(i);
				return value == null ? "NULL" : String.format("%016x", Double.doubleToLongBits((Double) value));
			default:
				value = rows.getObject(i);
		}
		return value == null ? "NULL" : value.toString();
	}

	public static void main(String[] args) throws SQLException
	{
		try (Connection connection = DriverManager.getConnection(args[0], args[1], ""))
		{
			try (ResultSet views = connection.getMetaData().getTables(null, args[2], args[3], new String[] {"VIEW"}))
			{
				while (views.next())
					print("view", views.getString("TABLE_NAME"), views.getString("REMARKS"));
			}
			try (ResultSet columns = connection.getMetaData().getColumns(null, args[2], args[3], "%"))
			{
				while (columns.next())
					print("column", columns.getString("COLUMN_NAME"), JDBCType.valueOf(columns.getInt("DATA_TYPE")), columns.getString("TYPE_NAME"),
						columns.getInt("COLUMN_SIZE"), columns.getInt("DECIMAL_DIGITS"), columns.getString("REMARKS"));
			}
			try (ResultSet rows = connection.createStatement().executeQuery(args[4]))
			{
				ResultSetMetaData about = rows.getMetaData();

				for (int i = 1; i <= about.getColumnCount(); i++)
					print("result", about.getColumnName(i), JDBCType.valueOf(about.getColumnType(i)), about.getColumnClassName(i), about.getPrecision(i), about.getScale(i));
				while (rows.next())
				{
					Object[] fields = new Object[about.getColumnCount() + 1];

					fields[0] = "row";
					for (int i = 1; i < fields.length; i++)
						fields[i] = value(rows, about, i);
					print(fields);
				}
			}
		}
		out.flush();
	}
}
